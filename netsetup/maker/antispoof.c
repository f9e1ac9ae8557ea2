// SPDX-License-Identifier: GPL-2.0-or-later
// Filters the guest's packets: only its own address may be their source.
#include "netsetup/maker/antispoof.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netinet/ip.h>
#include <stdio.h>
#include <string.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/kernel/sysctl.h"

/* Offsets in a frame. The classifier sees it from the link-layer header on. */
#define ETHERTYPE_OFFSET  12
#define FRAGMENT_OFFSET   (ETH_HLEN + 6)
#define PROTOCOL_OFFSET   (ETH_HLEN + 9)
#define SOURCE_OFFSET     (ETH_HLEN + 12)
#define ARP_SENDER_OFFSET (ETH_HLEN + 14)

/* Shortest frames; a fragment may have one octet after its IPv4 header (RFC 791). */
#define IPV4_LENGTH_MIN (ETH_HLEN + 20)
#define ARP_LENGTH_MIN  (ETH_HLEN + 28)

/* Source and destination port of a DHCP server's answer. */
#define DHCP_PORTS (67u << 16 | 68)

#define FILTER_PRIO 1
#define CLSACT      "clsact"
#define BPF_KIND    "bpf"

#define PASS             19 /* index of the last instruction but one */
#define DROP             20
#define TO(target, here) ((target) - (here)-1)

/*
 * A jump's numbers are the instructions to skip if true and if false. A load beyond the end of the
 * frame would return 0, which is TC_ACT_OK. Therefore the program first drops a frame that is too
 * short, and every offset up to the sender's address is a constant. A frame of the guest that ends
 * before its ports passes, and is no DHCP packet. The kernel removes one tag of 802.1Q before it
 * calls the classifier (__netif_receive_skb_core() in net/core/dev.c). A second tag is still there,
 * and is dropped like any other type.
 */
void antispoof_program(struct in_addr address, struct sock_filter program[ANTISPOOF_SIZE])
{
	const uint32_t own = ntohl(address.s_addr);
	const struct sock_filter built[] = {
		/* 0 */ BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		/* 1 */ BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, IPV4_LENGTH_MIN, 0, TO(DROP, 1)),
		/* 2 */ BPF_STMT(BPF_LD | BPF_H | BPF_ABS, ETHERTYPE_OFFSET),
		/* 3 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, TO(10, 3), 0),
		/* 4 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_ARP, 0, TO(DROP, 4)),
		/* 5 */ BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		/* 6 */ BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, ARP_LENGTH_MIN, 0, TO(DROP, 6)),
		/* 7 */ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARP_SENDER_OFFSET),
		/* 8 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, INADDR_ANY, TO(PASS, 8), 0),
		/* 9 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, own, TO(PASS, 9), TO(DROP, 9)),
		/* 10 */ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SOURCE_OFFSET),
		/* 11 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, own, 0, TO(DROP, 11)),
		/* 12 */ BPF_STMT(BPF_LD | BPF_B | BPF_ABS, PROTOCOL_OFFSET),
		/* 13 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, TO(PASS, 13)),
		/* 14 */ BPF_STMT(BPF_LD | BPF_H | BPF_ABS, FRAGMENT_OFFSET),
		/* 15 */ BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, IP_OFFMASK, TO(PASS, 15), 0),
		/* 16 */ BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, ETH_HLEN),
		/* 17 */ BPF_STMT(BPF_LD | BPF_W | BPF_IND, ETH_HLEN),
		/* 18 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, DHCP_PORTS, TO(DROP, 18), 0),
		/* 19 */ BPF_STMT(BPF_RET | BPF_K, TC_ACT_OK),
		/* 20 */ BPF_STMT(BPF_RET | BPF_K, TC_ACT_SHOT),
	};

	_Static_assert(sizeof(built) == ANTISPOOF_SIZE * sizeof(*built), "the whole program");
	memcpy(program, built, sizeof(built));
}

const char *antispoof_text(struct in_addr address, char *text, size_t size)
{
	size_t used = (size_t)snprintf(text, size, "%d", ANTISPOOF_SIZE);
	struct sock_filter program[ANTISPOOF_SIZE];

	antispoof_program(address, program);
	for (size_t i = 0; i < ANTISPOOF_SIZE && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, ",%u %u %u %u", program[i].code,
					 program[i].jt, program[i].jf, program[i].k);
	return text;
}

/* Builds a request for a qdisc or a filter of the tap. */
static struct nl_msg *traffic_message(int type, int flags, const struct tcmsg *header,
				      const char *kind)
{
	cleanup_nl_msg *message = netlink_message(type, flags, header, sizeof(*header));

	if (!message || nla_put_string(message, TCA_KIND, kind) < 0)
		return NULL;
	return take_ptr(&message);
}

static int add_qdisc(struct nl_sock *route, struct interface_id tap)
{
	const struct tcmsg header = { .tcm_family = AF_UNSPEC,
				      .tcm_ifindex = (int)tap.ifindex,
				      .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
				      .tcm_parent = TC_H_CLSACT };
	cleanup_nl_msg *message = NULL;
	int ret;

	message = traffic_message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &header, CLSACT);
	ret = message ? netlink_request(route, message, NULL, NULL) : -ENOMEM;
	return ret == -EEXIST ? 0 : ret;
}

static int add_filter(struct nl_sock *route, struct interface_id tap,
		      const struct sock_filter *program)
{
	const struct tcmsg header = { .tcm_family = AF_UNSPEC,
				      .tcm_ifindex = (int)tap.ifindex,
				      .tcm_handle = 1,
				      .tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
				      .tcm_info = TC_H_MAKE(FILTER_PRIO << 16, htons(ETH_P_ALL)) };
	cleanup_nl_msg *message = NULL;
	struct nlattr *options;

	message = traffic_message(RTM_NEWTFILTER, NLM_F_CREATE, &header, BPF_KIND);
	options = message ? nla_nest_start(message, TCA_OPTIONS) : NULL;
	if (!options || nla_put_u16(message, TCA_BPF_OPS_LEN, ANTISPOOF_SIZE) < 0 ||
	    nla_put(message, TCA_BPF_OPS, ANTISPOOF_SIZE * (int)sizeof(*program), program) < 0 ||
	    nla_put_u32(message, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT) < 0)
		return -ENOMEM;
	nla_nest_end(message, options);
	return netlink_request(route, message, NULL, NULL);
}

/* Without the classifier, reverse-path filtering must be strict. */
static int check_rp_filter(struct interface_id tap, int reason, struct error *err)
{
	const struct sysctl all = { "ipv4/conf", "all", "rp_filter" };
	int value;
	int ret;

	ret = sysctl_read(&all, &value, err);
	if (ret < 0)
		return ret;
	if (value < 2)
		return 0;
	error_set_errno(err, reason,
			"cannot keep the guest from sending with others' addresses on '%s'",
			tap.ifname);
	error_remedy(err,
		     "net.ipv4.conf.all.rp_filter is %d (loose), and the kernel has no cls_bpf",
		     value);
	error_remedy(err,
		     "modprobe -a sch_ingress cls_bpf, or sysctl -w net.ipv4.conf.all.rp_filter=1");
	return -reason;
}

/* Safe: it only drops packets, and only on the VM's own tap. */
int antispoof_set(struct nl_sock *route, struct interface_id tap, struct in_addr address,
		  struct error *err)
{
	struct sock_filter program[ANTISPOOF_SIZE];
	int ret;

	antispoof_program(address, program);
	ret = add_qdisc(route, tap);
	if (ret == 0)
		ret = add_filter(route, tap, program);
	if (ret == -ENOENT || ret == -EOPNOTSUPP)
		return check_rp_filter(tap, -ret, err);
	if (ret < 0)
		return error_set_errno(err, -ret, "cannot filter what the guest sends on '%s'",
				       tap.ifname);
	return 0;
}
