// SPDX-License-Identifier: GPL-2.0-or-later
// Opens what the worker asks the kernel by: a gate and a table that traces.
#include "netsetup/maker/ask.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/pkt_cls.h>
#include <stdio.h>
#include <sys/socket.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/kernel/redirect.h"
#include "netsetup/table/rule.h"

/* Before raw (-300), after defragmentation (-400): enum nf_ip_hook_priorities. */
#define PRIORITY_ASKED (-350)

/* Offset of the source address in a frame. */
#define SOURCE_OFFSET (ETH_HLEN + 12)

/* Room for the traces of samples and of what others trace meanwhile, in bytes. */
#define TRACE_BUFFER (1 << 20)

static const struct field ip_id_high = { NFT_PAYLOAD_NETWORK_HEADER, 4, 1 };
static const struct field icmp_type = { NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1 };

/* Has frames with this source address enter an interface. */
static int redirect(struct nl_sock *route, unsigned int gate, uint16_t priority,
		    struct in_addr source, unsigned int ifindex)
{
	const struct sock_filter match[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SOURCE_OFFSET),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(source.s_addr), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};

	return redirect_add(route, &(struct redirect){ .from = gate,
						       .priority = priority,
						       .protocol = ETH_P_IP,
						       .program = match,
						       .count = ARRAY_SIZE(match),
						       .to = ifindex });
}

/* Frames with other addresses are dropped: this host has no interface for them. */
static int redirect_all(struct nl_sock *route, unsigned int gate, struct interface_id tap,
			struct interface_id uplink, struct in_addr guest, struct in_addr station)
{
	static const struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, TC_ACT_SHOT);
	int ret;

	ret = redirect_qdisc(route, gate);
	if (ret == 0)
		ret = redirect(route, gate, 1, guest, tap.ifindex);
	if (ret == 0)
		ret = redirect(route, gate, 2, station, uplink.ifindex);
	if (ret == 0)
		ret = redirect_add(route, &(struct redirect){ .from = gate,
							      .priority = 3,
							      .protocol = ETH_P_ALL,
							      .program = &drop,
							      .count = 1 });
	return ret;
}

/*
 * Threat: a worker that was taken over sends as others by the gate's one descriptor. Check: only
 * the guest's and the station's address pass, so it can do what a hostile guest or a station of the
 * LAN can. Test: test_gate in test_ask.c.
 */
static int open_gate(struct nl_sock *route, struct interface_id tap, struct interface_id uplink,
		     struct in_addr guest, struct in_addr station, struct error *err)
{
	static const struct ether_addr mac = ASK_GATE_MAC;
	char name[IFNAMSIZ];
	cleanup_fd int fd = -1;
	unsigned int gate;
	int ret;

	snprintf(name, sizeof(name), ASK_GATE_PREFIX "%x", tap.ifindex & 0xfffff);
	fd = gate_make(name, &gate, err);
	if (fd < 0)
		return fd;
	ret = redirect_all(route, gate, tap, uplink, guest, station);
	if (ret == -ENOENT || ret == -EOPNOTSUPP)
		return error_setf(err, STATUS_NETWORK, -ret,
				  "the kernel lacks sch_ingress, cls_bpf or act_mirred");
	if (ret < 0)
		return error_set_errno(err, -ret, "cannot redirect the frames of '%s'", name);
	ret = gate_up(route, (struct interface_id){ name, gate }, &mac, err);
	return ret < 0 ? ret : take_fd(&fd);
}

static void build_asked(struct batch *batch, struct in_addr source, struct in_addr target)
{
	static const uint8_t on = 1;

	rule_begin(batch, ASK_CHAIN_ASKED, "report the samples");
	rule_if(batch, &rule_ip_from, &source);
	rule_if(batch, &rule_ip_to, &target);
	rule_store_meta(batch, NFT_META_NFTRACE, &on, sizeof(on));
	rule_next(batch);
}

/* Their source may have been translated: test_firewall in tests/lab/cli/test_doctor.py. */
static void build_passed(struct batch *batch, struct in_addr guest, uint32_t tap)
{
	static const uint8_t high = ASK_SAMPLE_ID >> 8;

	rule_begin(batch, ASK_CHAIN_PASSED, "no sample of the guest leaves");
	rule_if_meta(batch, NFT_META_IIF, &tap, sizeof(tap));
	rule_if(batch, &ip_id_high, &high);
	rule_drop(batch);

	rule_begin(batch, ASK_CHAIN_PASSED, "the guest gets no sample");
	rule_if(batch, &rule_ip_to, &guest);
	rule_if(batch, &ip_id_high, &high);
	rule_drop(batch);
}

/* A firewall that rejects a sample sends its source an error. */
static void build_errors(struct batch *batch, struct in_addr station)
{
	static const uint8_t unreachable = ICMP_DEST_UNREACH;

	rule_begin(batch, ASK_CHAIN_PASSED, "no error about a sample leaves");
	rule_if(batch, &rule_ip_to, &station);
	rule_if_protocol(batch, IPPROTO_ICMP);
	rule_if(batch, &icmp_type, &unreachable);
	rule_drop(batch);
}

static void build(struct batch *batch, struct in_addr guest, struct in_addr station, uint32_t tap)
{
	static const struct batch_hook asked = { NF_INET_PRE_ROUTING, NULL };
	static const struct batch_hook reached = { NF_INET_FORWARD, NULL };
	static const struct batch_hook passed = { NF_INET_POST_ROUTING, NULL };

	batch->family = NFPROTO_IPV4;
	batch_table(batch, true);
	batch->priority = PRIORITY_ASKED;
	batch_chain(batch, ASK_CHAIN_ASKED, &asked);
	batch->priority = INT32_MIN;
	batch_chain(batch, ASK_CHAIN_REACHED, &reached);
	batch->priority = INT32_MAX;
	batch_chain(batch, ASK_CHAIN_PASSED, &passed);
	build_asked(batch, guest, station);
	build_asked(batch, station, guest);
	build_passed(batch, guest, tap);
	build_errors(batch, station);
}

static int subscribe(int fd, int group, struct error *err)
{
	static const int size = TRACE_BUFFER;

	/* Without the larger buffer a flood of others' messages costs an answer. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return error_set_errno(err, errno, "cannot listen to nf_tables");
	return 0;
}

/*
 * Safe: the table drops forwarded packets of and to the guest, one of 256 by their identification,
 * and ICMP errors to one address, for as long as the socket is open. To change it takes
 * CAP_NET_ADMIN, which no other process has (netlink_net_capable() looks at the sender, too).
 */
static int open_table(struct interface_id tap, struct in_addr guest, struct in_addr station,
		      struct error *err)
{
	cleanup_batch struct batch batch = { 0 };
	char name[sizeof(ASK_TABLE_PREFIX) + 8];
	cleanup_fd int fd = batch_open(err);
	int ret;

	if (fd < 0)
		return fd;
	snprintf(name, sizeof(name), ASK_TABLE_PREFIX "%x", tap.ifindex);
	batch_begin(&batch, name);
	build(&batch, guest, station, tap.ifindex);
	ret = batch_commit(&batch, fd, err);
	if (ret == 0)
		ret = subscribe(fd, NFNLGRP_NFTRACE, err);
	return ret < 0 ? ret : take_fd(&fd);
}

int ask_open(struct nl_sock *route, struct interface_id tap, struct interface_id uplink,
	     struct in_addr guest, struct in_addr station, int fds[ASK_FDS], struct error *err)
{
	cleanup_fd int gate = open_gate(route, tap, uplink, guest, station, err);
	int trace;

	if (gate < 0)
		return gate;
	trace = open_table(tap, guest, station, err);
	if (trace < 0)
		return trace;
	fds[ASK_GATE] = take_fd(&gate);
	fds[ASK_TRACE] = trace;
	return 0;
}

int ask_listen(struct error *err)
{
	static const struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	cleanup_fd int fd = batch_open(err);
	int ret;

	if (fd < 0)
		return fd;
	/* A socket that has sent nothing has no port yet, and gets nothing. */
	if (bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0)
		return error_set_errno(err, errno, "cannot bind a socket for nf_tables");
	ret = subscribe(fd, NFNLGRP_NFTABLES, err);
	return ret < 0 ? ret : take_fd(&fd);
}
