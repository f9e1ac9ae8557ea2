// SPDX-License-Identifier: GPL-2.0-or-later
// Listens for changes of the host's network.
#include "launcher/lan/network_events.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ifname.h"
#include "netsetup/kernel/fib_rule.h"

/* The kernel's events are smaller, except links with many virtual functions. */
#define EVENT_SIZE 8192

int network_events_open(struct nl_sock **events, struct error *err)
{
	int ret;

	ret = netlink_open(NETLINK_ROUTE, events, err);
	if (ret < 0)
		return ret;
	ret = nl_socket_add_memberships(*events, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
					RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV4_NETCONF,
					RTNLGRP_NONE);
	return ret < 0 ? netlink_error(err, ret, "cannot listen for changes of the network") : 0;
}

/* Reads an attribute with an index; a route without one has several next hops. */
static int read_index(struct nlmsghdr *header, int size, int type)
{
	struct nlattr *attr;

	if (!nlmsg_valid_hdr(header, size))
		return -1;
	attr = nlmsg_find_attr(header, size, type);
	if (!attr)
		return 0;
	/* The attribute of a sysctl is -1 for all interfaces, and -2 for new ones. */
	return nla_len(attr) == sizeof(uint32_t) ? (int)nla_get_u32(attr) : -1;
}

/* The index of the tap that has this table; 0 if none of ours has. */
static int table_ifindex(uint32_t table)
{
	return table > TAP_TABLE_BASE ? (int)(table - TAP_TABLE_BASE) : 0;
}

static int route_ifindex(struct nlmsghdr *header)
{
	const struct rtmsg *route = nlmsg_data(header);
	const int ifindex = read_index(header, sizeof(*route), RTA_OIF);
	struct nlattr *table;

	if (ifindex == -1 || route->rtm_protocol != ROUTES_PROTOCOL)
		return ifindex;
	if (header->nlmsg_type == RTM_NEWROUTE)
		return 0;
	table = nlmsg_find_attr(header, sizeof(*route), RTA_TABLE);
	return (table && nla_len(table) == sizeof(uint32_t) ? table_ifindex(nla_get_u32(table)) : 0)
		       ?: ifindex;
}

static int rule_ifindex(struct nlmsghdr *header)
{
	struct fib_rules rules = { 0 };
	int ifindex = -1;

	if (fib_rule_add(header, &rules) == 0 && rules.count) {
		const struct fib_rule *rule = &rules.list[0];

		if (rule->protocol != ROUTES_PROTOCOL)
			ifindex = -1;
		else if (header->nlmsg_type == RTM_NEWRULE)
			ifindex = 0;
		else if (rule->iifname[0])
			ifindex = (int)if_nametoindex(rule->iifname);
	}
	fib_rule_done(&rules);
	return ifindex;
}

/* Returns the event's interface; 0 if it has none; -1 if it concerns all or is malformed. */
static int event_ifindex(struct nlmsghdr *header)
{
	const struct ifinfomsg *link = nlmsg_data(header);
	const struct ifaddrmsg *address = nlmsg_data(header);

	switch (header->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return nlmsg_valid_hdr(header, sizeof(*link)) ? link->ifi_index : -1;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return nlmsg_valid_hdr(header, sizeof(*address)) ? (int)address->ifa_index : -1;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return nlmsg_valid_hdr(header, sizeof(struct rtmsg)) ? route_ifindex(header) : -1;
	case RTM_NEWRULE:
	case RTM_DELRULE:
		return rule_ifindex(header);
	case RTM_NEWNETCONF:
	case RTM_DELNETCONF:
		return read_index(header, sizeof(struct netconfmsg), NETCONFA_IFINDEX);
	default:
		return 0;
	}
}

enum network_event network_events_classify(struct nlmsghdr *header, const struct network_own *own)
{
	const int ifindex = event_ifindex(header);

	if (ifindex == -1)
		return NETWORK_EVENT_OWN;
	for (size_t i = 0; i < ARRAY_SIZE(own->ifindexes); i++)
		if (ifindex > 0 && (unsigned int)ifindex == own->ifindexes[i])
			return NETWORK_EVENT_OWN;
	return NETWORK_EVENT_OTHER;
}

enum network_event network_events_drain(struct nl_sock *events, const struct network_own *own)
{
	_Alignas(struct nlmsghdr) char buffer[EVENT_SIZE];
	enum network_event found = NETWORK_EVENT_NONE, event;

	for (;;) {
		const ssize_t size = recv(nl_socket_get_fd(events), buffer, sizeof(buffer),
					  MSG_DONTWAIT);
		struct nlmsghdr *header = (void *)buffer;

		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0 && errno != ENOBUFS)
			return found;
		event = size > 0 && nlmsg_ok(header, (int)size)
				? network_events_classify(header, own)
				: NETWORK_EVENT_OWN;
		found = event > found ? event : found;
	}
}
