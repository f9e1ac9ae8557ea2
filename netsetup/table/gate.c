// SPDX-License-Identifier: GPL-2.0-or-later
// Opens the gate, by which guests' frames enter the uplink as if from the LAN.
#include "netsetup/table/gate.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/kernel/interface.h"
#include "netsetup/kernel/redirect.h"
#include "netsetup/kernel/sysctl.h"
#include "netsetup/kernel/tap.h"

/* Larger than a guest's frame; the driver does not look at it. */
#define GATE_MTU 65521

/* Redirects each frame; @uplink: 0: without an action. */
static int add_filter(struct nl_sock *route, unsigned int gate, bool matchall, unsigned int uplink)
{
	static const struct sock_filter match = BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	const struct redirect redirect = { .from = gate,
					   .egress = true,
					   .priority = 1,
					   .protocol = ETH_P_ALL,
					   .program = matchall ? NULL : &match,
					   .count = matchall ? 0 : 1,
					   .to = uplink };

	return redirect_add(route, &redirect);
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
static int redirect_all(struct nl_sock *route, unsigned int gate, unsigned int uplink,
			struct error *err)
{
	int ret;

	ret = redirect_qdisc(route, gate);
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

int gate_make(const char *name, unsigned int *ifindex, struct error *err)
{
	const struct sysctl no_ipv6 = { "ipv6/conf", name, "disable_ipv6" };
	cleanup_fd int gate = -1;
	int ret;

	ret = tap_open(name, 1, false, &gate, err);
	/* A kernel without IPv6 has no such value. */
	if (ret == 0)
		ret = sysctl_write(&no_ipv6, 1, err);
	if (ret < 0 && (ret != -ENOENT || gate < 0))
		return ret;
	*ifindex = if_nametoindex(name);
	return take_fd(&gate);
}

int gate_up(struct nl_sock *route, struct interface_id gate, const struct ether_addr *mac,
	    struct error *err)
{
	const struct ifinfomsg header = { .ifi_family = AF_UNSPEC,
					  .ifi_index = (int)gate.ifindex,
					  .ifi_flags = IFF_UP | IFF_NOARP,
					  .ifi_change = IFF_UP | IFF_NOARP | IFF_MULTICAST };
	cleanup_nl_msg *message = netlink_message(RTM_NEWLINK, 0, &header, sizeof(header));
	int ret = -ENOMEM;

	if (message && (!mac || nla_put(message, IFLA_ADDRESS, sizeof(*mac), mac) == 0) &&
	    nla_put_u32(message, IFLA_MTU, GATE_MTU) == 0 &&
	    nla_put_string(message, IFLA_IFALIAS, INTERFACE_ALIAS) == 0)
		ret = netlink_request(route, message, NULL, NULL);
	return ret < 0 ? error_set_errno(err, -ret, "cannot bring '%s' up", gate.ifname) : 0;
}

/* The gate has no address of its own: the host neither sends nor receives by it. */
int gate_open(struct nl_sock *route, struct interface_id uplink, unsigned int *ifindex,
	      struct error *err)
{
	char name[IFNAMSIZ];
	cleanup_fd int gate = -1;
	unsigned int index;
	int ret;

	if (snprintf(name, sizeof(name), GATE_PREFIX "%x", uplink.ifindex) >= (int)sizeof(name))
		return error_set_errno(err, ENAMETOOLONG, "cannot name the gate of '%s'",
				       uplink.ifname);
	gate = gate_make(name, &index, err);
	if (gate < 0)
		return gate;
	ret = redirect_all(route, index, uplink.ifindex, err);
	if (ret == 0)
		ret = gate_up(route, (struct interface_id){ name, index }, NULL, err);
	if (ret < 0)
		return ret;
	*ifindex = index;
	return take_fd(&gate);
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
