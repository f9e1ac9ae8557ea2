// SPDX-License-Identifier: GPL-2.0-or-later
// Opens the gate, by which guests' frames enter the uplink as if from the LAN.
#include "netsetup/table/gate.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/kernel/interface.h"
#include "netsetup/kernel/sysctl.h"
#include "netsetup/kernel/tap.h"

#define FILTER_PRIO 1

/* Larger than a guest's frame; the driver does not look at it. */
#define GATE_MTU 65521

/* Builds a request for a qdisc or a filter of the gate. */
static struct nl_msg *traffic_message(int type, int flags, const struct tcmsg *header,
				      const char *kind)
{
	cleanup_nl_msg *message = netlink_message(type, flags, header, sizeof(*header));

	if (!message || nla_put_string(message, TCA_KIND, kind) < 0)
		return NULL;
	return take_ptr(&message);
}

static int add_qdisc(struct nl_sock *route, unsigned int gate)
{
	const struct tcmsg header = { .tcm_family = AF_UNSPEC,
				      .tcm_ifindex = (int)gate,
				      .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
				      .tcm_parent = TC_H_CLSACT };
	cleanup_nl_msg *message = NULL;

	message = traffic_message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &header, "clsact");
	return message ? netlink_request(route, message, NULL, NULL) : -ENOMEM;
}

/* The only action: the frame enters the uplink. */
static int put_redirect(struct nl_msg *message, int type, unsigned int uplink)
{
	const struct tc_mirred redirect = { .action = TC_ACT_STOLEN,
					    .eaction = TCA_INGRESS_REDIR,
					    .ifindex = uplink };
	struct nlattr *actions = nla_nest_start(message, type);
	struct nlattr *first = actions ? nla_nest_start(message, 1) : NULL;
	struct nlattr *options;

	if (!first || nla_put_string(message, TCA_ACT_KIND, "mirred") < 0)
		return -ENOMEM;
	options = nla_nest_start(message, TCA_ACT_OPTIONS);
	if (!options || nla_put(message, TCA_MIRRED_PARMS, sizeof(redirect), &redirect) < 0)
		return -ENOMEM;
	nla_nest_end(message, options);
	nla_nest_end(message, first);
	nla_nest_end(message, actions);
	return 0;
}

/* cls_bpf: a program that matches each frame. */
static int put_match(struct nl_msg *message)
{
	static const struct sock_filter match = BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);

	if (nla_put_u16(message, TCA_BPF_OPS_LEN, 1) < 0 ||
	    nla_put(message, TCA_BPF_OPS, sizeof(match), &match) < 0)
		return -ENOMEM;
	return 0;
}

/* @uplink: 0: without an action. */
static int add_filter(struct nl_sock *route, unsigned int gate, bool matchall, unsigned int uplink)
{
	const struct tcmsg header = { .tcm_family = AF_UNSPEC,
				      .tcm_ifindex = (int)gate,
				      .tcm_handle = 1,
				      .tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS),
				      .tcm_info = TC_H_MAKE(FILTER_PRIO << 16, htons(ETH_P_ALL)) };
	cleanup_nl_msg *message = NULL;
	struct nlattr *options;
	int ret;

	message = traffic_message(RTM_NEWTFILTER, NLM_F_CREATE, &header,
				  matchall ? "matchall" : "bpf");
	options = message ? nla_nest_start(message, TCA_OPTIONS) : NULL;
	ret = options ? 0 : -ENOMEM;
	if (ret == 0 && !matchall)
		ret = put_match(message);
	if (ret == 0 && uplink)
		ret = put_redirect(message, matchall ? TCA_MATCHALL_ACT : TCA_BPF_ACT, uplink);
	if (ret < 0)
		return ret;
	nla_nest_end(message, options);
	return netlink_request(route, message, NULL, NULL);
}

static bool missing(int ret)
{
	return ret == -ENOENT || ret == -EOPNOTSUPP;
}

static int lacks(const char *part, const char *module, int ret, struct error *err)
{
	error_setf(err, STATUS_NETWORK, -ret, "the kernel lacks %s", part);
	error_remedy(err, "modprobe %s, or a kernel that has it", module);
	return ret;
}

/* Redirects the gate's frames by either classifier, for no kernel must have both. */
static int redirect(struct nl_sock *route, unsigned int gate, unsigned int uplink,
		    struct error *err)
{
	int ret;

	ret = add_qdisc(route, gate);
	if (missing(ret))
		return lacks("clsact (NET_SCH_INGRESS)", "sch_ingress", ret, err);
	if (ret == 0)
		ret = add_filter(route, gate, true, uplink);
	if (missing(ret))
		ret = add_filter(route, gate, false, uplink);
	if (missing(ret)) {
		/* Without an action, only the classifiers can be missing. */
		if (add_filter(route, gate, true, 0) == 0 || add_filter(route, gate, false, 0) == 0)
			return lacks("act_mirred (NET_ACT_MIRRED)", "act_mirred", ret, err);
		return lacks("cls_matchall and cls_bpf (NET_CLS_MATCHALL)", "cls_matchall", ret,
			     err);
	}
	return ret < 0 ? error_set_errno(err, -ret, "cannot redirect what the gate sends") : 0;
}

static int bring_up(struct nl_sock *route, unsigned int gate)
{
	const struct ifinfomsg header = { .ifi_family = AF_UNSPEC,
					  .ifi_index = (int)gate,
					  .ifi_flags = IFF_UP | IFF_NOARP,
					  .ifi_change = IFF_UP | IFF_NOARP | IFF_MULTICAST };
	cleanup_nl_msg *message = netlink_message(RTM_NEWLINK, 0, &header, sizeof(header));

	if (!message || nla_put_u32(message, IFLA_MTU, GATE_MTU) < 0 ||
	    nla_put_string(message, IFLA_IFALIAS, INTERFACE_ALIAS) < 0)
		return -ENOMEM;
	return netlink_request(route, message, NULL, NULL);
}

/* The gate has no address of its own: the host neither sends nor receives by it. */
int gate_open(struct nl_sock *route, struct interface_id uplink, unsigned int *ifindex,
	      struct error *err)
{
	struct sysctl no_ipv6 = { "ipv6/conf", NULL, "disable_ipv6" };
	char name[IFNAMSIZ];
	unsigned int index;
	int gate = -1;
	int ret;

	if (snprintf(name, sizeof(name), GATE_PREFIX "%x", uplink.ifindex) >= (int)sizeof(name))
		return error_set_errno(err, ENAMETOOLONG, "cannot name the gate of '%s'",
				       uplink.ifname);
	ret = tap_open(name, 1, false, &gate, err);
	if (ret < 0)
		return ret;
	index = if_nametoindex(name);
	no_ipv6.ifname = name;
	ret = redirect(route, index, uplink.ifindex, err);
	/* A kernel without IPv6 has no such value. */
	if (ret == 0)
		ret = sysctl_write(&no_ipv6, 1, err);
	if (ret == 0 || ret == -ENOENT) {
		ret = bring_up(route, index);
		if (ret < 0)
			error_set_errno(err, -ret, "cannot bring '%s' up", name);
	}
	if (ret < 0) {
		close(gate);
		return ret;
	}
	*ifindex = index;
	return gate;
}

int gate_groups_open(struct interface_id uplink, struct error *err)
{
	const struct packet_mreq all = { .mr_ifindex = (int)uplink.ifindex,
					 .mr_type = PACKET_MR_ALLMULTI };
	cleanup_fd int fd = -1;

	/* Without a protocol, it receives nothing. */
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) < 0)
		return error_set_errno(err, errno, "cannot receive the groups of '%s'",
				       uplink.ifname);
	return take_fd(&fd);
}
