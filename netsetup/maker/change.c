// SPDX-License-Identifier: GPL-2.0-or-later
// Makes one change to the host for each kind of request.
#include "netsetup/maker/change.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ifname.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/kernel/dhcp_socket.h"
#include "netsetup/kernel/frame_mark.h"
#include "netsetup/kernel/interface.h"
#include "netsetup/kernel/packet_socket.h"
#include "netsetup/kernel/tap.h"
#include "netsetup/maker/allow.h"
#include "netsetup/maker/ask.h"
#include "netsetup/maker/promiscuous.h"
#include "netsetup/table/gate.h"
#include "netsetup/table/table.h"

/* All values that are ever set, of a tap or an uplink. */
static const struct sysctl sysctls[] = {
	{ "ipv4/conf", NULL, "forwarding" },   { "ipv4/conf", NULL, "proxy_arp" },
	{ "ipv4/conf", NULL, "rp_filter" },    { "ipv4/neigh", NULL, "proxy_delay" },
	{ "ipv6/conf", NULL, "disable_ipv6" }, { "ipv4/conf", NULL, "arp_ignore" },
};

const struct sysctl *change_sysctl_of(uint32_t key)
{
	return key < ARRAY_SIZE(sysctls) ? &sysctls[key] : NULL;
}

/* An existing interface is never taken over. */
int change_tap_add(const struct change *change, struct error *err)
{
	const struct maker_request *request = change->request;
	int ret;

	ret = tap_open(request->ifname, (unsigned int)request->number, request->offload,
		       change->fds, err);
	if (ret < 0)
		return ret;
	*change->ifindex = if_nametoindex(request->ifname);
	return *change->ifindex
		       ? 0
		       : error_set_errno(err, errno, "cannot find tap '%s'", request->ifname);
}

static int request_done(const struct change *change, struct nl_msg *message)
{
	return message ? netlink_request(change->route, message, NULL, NULL) : -ENOMEM;
}

/* Builds a link request by index, which never means a renamed or re-created interface. */
static struct nl_msg *link_message(const struct change *change, int type, unsigned int flags)
{
	const struct ifinfomsg header = { .ifi_family = AF_UNSPEC,
					  .ifi_index = (int)change->request->ifindex,
					  .ifi_flags = flags,
					  .ifi_change = type == RTM_NEWLINK ? IFF_UP : 0 };

	return netlink_message(type, 0, &header, sizeof(header));
}

int change_link_up(const struct change *change, struct error *err)
{
	const struct maker_request *request = change->request;
	cleanup_nl_msg *message = link_message(change, RTM_NEWLINK, IFF_UP);
	int ret = -ENOMEM;

	if (message && nla_put_u32(message, IFLA_MTU, (uint32_t)request->number) == 0 &&
	    nla_put(message, IFLA_ADDRESS, sizeof(request->mac), &request->mac) == 0 &&
	    nla_put_string(message, IFLA_IFALIAS, INTERFACE_ALIAS) == 0)
		ret = request_done(change, message);
	return ret < 0 ? error_set_errno(err, -ret, "cannot bring '%s' up", change->ifname) : 0;
}

int change_link_down(const struct change *change, struct error *err)
{
	cleanup_nl_msg *message = link_message(change, RTM_NEWLINK, 0);
	const int ret = request_done(change, message);

	return ret < 0 ? error_set_errno(err, -ret, "cannot bring '%s' down", change->ifname) : 0;
}

/*
 * Safe: an index does not come back after its interface is gone, so a tap that its holder made
 * persistent is not confused with another interface.
 */
int change_link_delete(const struct change *change, struct error *err)
{
	cleanup_nl_msg *message = link_message(change, RTM_DELLINK, 0);
	const int ret = request_done(change, message);

	if (ret < 0 && ret != -ENODEV)
		return error_set_errno(err, -ret, "cannot delete '%s'", change->ifname);
	return 0;
}

/*
 * /proc/sys, unlike netlink's IFLA_INET_CONF, notifies listeners (RTM_NEWNETCONF) and flushes the
 * route cache (devinet_sysctl_forward() in net/ipv4/devinet.c).
 */
int change_sysctl(const struct change *change, struct error *err)
{
	struct sysctl sysctl = sysctls[change->request->key];

	sysctl.ifname = change->ifname;
	return sysctl_write(&sysctl, change->request->number, err);
}

/* A /32 through the tap. */
static int change_route(const struct change *change, int type, int flags)
{
	const struct rtmsg header = { .rtm_family = AF_INET,
				      .rtm_dst_len = 32,
				      .rtm_table = RT_TABLE_MAIN,
				      .rtm_protocol = CHANGE_PROTOCOL,
				      .rtm_scope = RT_SCOPE_LINK,
				      .rtm_type = RTN_UNICAST };
	cleanup_nl_msg *message = netlink_message(type, flags, &header, sizeof(header));

	if (!message ||
	    nla_put(message, RTA_DST, sizeof(struct in_addr), &change->request->address) < 0 ||
	    nla_put_u32(message, RTA_OIF, change->request->ifindex) < 0)
		return -ENOMEM;
	return request_done(change, message);
}

/* It never replaces a route. */
int change_route_add(const struct change *change, struct error *err)
{
	const int ret = change_route(change, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
	char text[IPV4_TEXT_SIZE];

	return ret < 0 ? error_set_errno(err, -ret, "cannot add a route to %s through '%s'",
					 ipv4_text(change->request->address, text), change->ifname)
		       : 0;
}

int change_route_delete(const struct change *change, struct error *err)
{
	const int ret = change_route(change, RTM_DELROUTE, 0);
	char text[IPV4_TEXT_SIZE];

	if (ret == 0 || ret == -ESRCH || ret == -ENODEV)
		return 0;
	return error_set_errno(err, -ret, "cannot delete the route to %s through '%s'",
			       ipv4_text(change->request->address, text), change->ifname);
}

/* The proxy entry of one address on one interface. */
static int change_proxy(const struct change *change, int type, int flags)
{
	const struct ndmsg header = { .ndm_family = AF_INET,
				      .ndm_ifindex = (int)change->request->ifindex,
				      .ndm_state = NUD_PERMANENT,
				      .ndm_flags = NTF_PROXY };
	cleanup_nl_msg *message = netlink_message(type, flags, &header, sizeof(header));

	if (!message ||
	    nla_put(message, NDA_DST, sizeof(struct in_addr), &change->request->address) < 0 ||
	    (type == RTM_NEWNEIGH && nla_put_u8(message, NDA_PROTOCOL, CHANGE_PROTOCOL) < 0))
		return -ENOMEM;
	return request_done(change, message);
}

int change_proxy_add(const struct change *change, struct error *err)
{
	const int ret = change_proxy(change, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
	char text[IPV4_TEXT_SIZE];

	return ret < 0 ? error_set_errno(err, -ret, "cannot add a proxy entry for %s on '%s'",
					 ipv4_text(change->request->address, text), change->ifname)
		       : 0;
}

int change_proxy_delete(const struct change *change, struct error *err)
{
	const int ret = change_proxy(change, RTM_DELNEIGH, 0);
	char text[IPV4_TEXT_SIZE];

	if (ret == 0 || ret == -ENOENT || ret == -ENODEV)
		return 0;
	return error_set_errno(err, -ret, "cannot delete the proxy entry for %s on '%s'",
			       ipv4_text(change->request->address, text), change->ifname);
}

/*
 * Announcements and probes are for the LAN: a guest that detects conflicts would take an
 * announcement of its own address by the station's MAC for one.
 */
int change_arp_socket(const struct change *change, struct error *err)
{
	const struct interface_id uplink = { change->ifname, change->request->ifindex };
	const uint32_t mark = FRAME_MARK_LAN;
	cleanup_fd int fd = packet_socket_open(uplink.ifindex, ETH_P_ARP, err);

	if (fd < 0) {
		error_context(err, "cannot listen for ARP on '%s'", change->ifname);
		return -err->code;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0)
		return error_set_errno(err, errno, "cannot mark ARP on '%s'", change->ifname);
	if (promiscuous_set(fd, uplink, (enum promiscuous_mode)change->request->number, err) < 0)
		return -err->code;
	change->fds[0] = take_fd(&fd);
	return 0;
}

int change_frame_socket(const struct change *change, struct error *err)
{
	const int fd = packet_socket_open(change->request->ifindex, ETH_P_ALL, err);

	if (fd < 0) {
		error_context(err, "cannot listen on '%s'", change->ifname);
		return -err->code;
	}
	change->fds[0] = fd;
	return 0;
}

int change_dhcp_socket(const struct change *change, struct error *err)
{
	const int fd = dhcp_socket_open(change->request->ifindex, err);

	if (fd < 0) {
		error_context(err, "cannot serve DHCP on '%s'", change->ifname);
		return -err->code;
	}
	change->fds[0] = fd;
	return 0;
}

static struct table table_of(const struct change *change)
{
	return (struct table){ change->route,
			       change->request->owner,
			       { change->ifname, change->request->ifindex } };
}

int change_table_open(const struct change *change, struct error *err)
{
	struct table table = table_of(change);
	const int ret = table_open(&table, err);

	if (ret == 0)
		change->fds[0] = table.owner;
	return ret;
}

/* The gate is first: the table's rules have its index. */
int change_table_bridge(const struct change *change, struct error *err)
{
	const struct table table = table_of(change);
	cleanup_fd int gate = -1, groups = -1;
	unsigned int ifindex = 0;
	int ret;

	gate = gate_open(change->route, table.uplink, &ifindex, err);
	if (gate < 0)
		return gate;
	groups = gate_groups_open(table.uplink, err);
	if (groups < 0)
		return groups;
	ret = table_bridge(&table, ifindex, err);
	if (ret < 0)
		return ret;
	*change->ifindex = ifindex;
	change->fds[0] = take_fd(&gate);
	change->fds[1] = take_fd(&groups);
	return 0;
}

int change_table_refresh(const struct change *change, struct error *err)
{
	const struct table table = table_of(change);

	return table_refresh(&table, err);
}

int change_table_vm(const struct change *change, struct error *err)
{
	const struct maker_request *request = change->request;
	const struct table_vm vm = { { change->tap, request->tap_ifindex },
				     request->mac,
				     request->address,
				     (enum table_path)request->number };
	const struct table table = table_of(change);

	return table_vm_set(&table, &vm, err);
}

int change_table_vm_delete(const struct change *change, struct error *err)
{
	const struct table table = table_of(change);

	return table_vm_delete(&table, change->request->tap_ifindex, err);
}

int change_table_delete(const struct change *change, struct error *err)
{
	const struct table table = table_of(change);

	return table_delete(&table, err);
}

int change_table_dump(const struct change *change, struct error *err)
{
	const struct table table = table_of(change);

	return table_dump(&table, (enum table_counted)change->request->number, err);
}

static bool is_tap(const char *ifname)
{
	return !strncmp(ifname, TAP_PREFIX, strlen(TAP_PREFIX));
}

/*
 * Builds a rule as enum maker_rule has it. A tap's stopped packets are answered, so that the guest
 * need not wait for a timeout. An uplink's are not, as if this host did not forward. A rule of
 * another protocol is never deleted.
 */
static struct nl_msg *rule_message(const struct change *change, int type, int flags,
				   unsigned int tap_ifindex)
{
	const struct maker_request *request = change->request;
	const uint32_t own = TAP_TABLE(tap_ifindex);
	const uint32_t tables[MAKER_RULES] = { GUEST_TABLE, RT_TABLE_LOCAL, own, 0 };
	const struct fib_rule_hdr header = {
		.family = AF_INET,
		.action = request->key != MAKER_RULE_STOP ? FR_ACT_TO_TBL
			  : is_tap(change->ifname)        ? FR_ACT_UNREACHABLE
							  : FR_ACT_BLACKHOLE,
	};
	cleanup_nl_msg *message = netlink_message(type, flags, &header, sizeof(header));

	if (!message || nla_put_u32(message, FRA_PRIORITY, (uint32_t)request->number) < 0 ||
	    nla_put_u8(message, FRA_PROTOCOL, CHANGE_PROTOCOL) < 0 ||
	    nla_put_u32(message, FRA_TABLE, tables[request->key]) < 0 ||
	    (request->key != MAKER_RULE_GUESTS &&
	     nla_put_string(message, FRA_IIFNAME, change->ifname) < 0))
		return NULL;
	return take_ptr(&message);
}

int change_rule_add(const struct change *change, struct error *err)
{
	cleanup_nl_msg *message = rule_message(change, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL,
					       change->request->ifindex);
	const int ret = request_done(change, message);

	if (ret == 0 || ret == -EEXIST)
		return 0;
	return error_set_errno(err, -ret, "cannot add a policy rule for '%s'", change->ifname);
}

int change_rule_delete(const struct change *change, struct error *err)
{
	cleanup_nl_msg *message = rule_message(change, RTM_DELRULE, 0,
					       change->request->tap_ifindex);
	const int ret = request_done(change, message);

	if (ret == 0 || ret == -ENOENT)
		return 0;
	return error_set_errno(err, -ret, "cannot delete the policy rule %d",
			       (int)change->request->number);
}

/*
 * A route of a tap's table, or to a guest in the table of all guests: there the one without this
 * host's source address comes after the other. The router may be outside the uplink's subnet.
 */
static int change_table(const struct change *change, int type, int flags)
{
	const struct maker_request *request = change->request;
	const bool guest = is_tap(change->ifname);
	const bool direct = guest || ipv4_unset(request->router);
	const uint32_t metric = guest && ipv4_unset(request->router);
	const struct rtmsg header = { .rtm_family = AF_INET,
				      .rtm_dst_len = (uint8_t)request->number,
				      .rtm_protocol = CHANGE_PROTOCOL,
				      .rtm_scope = direct ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
				      .rtm_flags = direct ? 0 : RTNH_F_ONLINK,
				      .rtm_type = RTN_UNICAST };
	cleanup_nl_msg *message = netlink_message(type, flags, &header, sizeof(header));

	if (!message ||
	    nla_put_u32(message, RTA_TABLE, guest ? GUEST_TABLE : TAP_TABLE(request->tap_ifindex)) <
		    0 ||
	    nla_put_u32(message, RTA_OIF, request->ifindex) < 0 ||
	    nla_put_u32(message, RTA_PRIORITY, metric) < 0 ||
	    (request->number &&
	     nla_put(message, RTA_DST, sizeof(request->address), &request->address) < 0) ||
	    (!ipv4_unset(request->router) &&
	     nla_put(message, direct ? RTA_PREFSRC : RTA_GATEWAY, sizeof(request->router),
		     &request->router) < 0))
		return -ENOMEM;
	return request_done(change, message);
}

int change_tap_route_add(const struct change *change, struct error *err)
{
	const int ret = change_table(change, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);

	return ret < 0 ? error_set_errno(err, -ret, "cannot add a route of VMs through '%s'",
					 change->ifname)
		       : 0;
}

int change_tap_route_delete(const struct change *change, struct error *err)
{
	const int ret = change_table(change, RTM_DELROUTE, 0);

	/* -ENOENT: the table has no route at all. */
	if (ret == 0 || ret == -ESRCH || ret == -ENOENT || ret == -ENODEV)
		return 0;
	return error_set_errno(err, -ret, "cannot delete a route of VMs through '%s'",
			       change->ifname);
}

int change_ask_open(const struct change *change, struct error *err)
{
	const struct maker_request *request = change->request;

	return ask_open(change->route, (struct interface_id){ change->tap, request->tap_ifindex },
			(struct interface_id){ change->ifname, request->ifindex }, request->address,
			request->station, change->fds, err);
}

int change_ask_listen(const struct change *change, struct error *err)
{
	const int fd = ask_listen(err);

	if (fd < 0)
		return fd;
	change->fds[0] = fd;
	return 0;
}

int change_allow_add(const struct change *change, struct error *err)
{
	const struct maker_request *request = change->request;

	return allow_add(
		&request->allow, (struct interface_id){ change->tap, request->tap_ifindex },
		(struct interface_id){ change->ifname, request->ifindex }, request->address, err);
}

int change_allow_sweep(const struct change *change, struct error *err)
{
	return allow_sweep(change->request->number, change->ifindex, err);
}

int change_allow_delete(const struct change *change, struct error *err)
{
	return allow_delete(change->request->allow.uuid, err);
}
