// SPDX-License-Identifier: GPL-2.0-or-later
// Listens for changes of the host's network.
#include "launcher/lan/network_events.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

/* The kernel's events are smaller, except links with many virtual functions. */
#define EVENT_SIZE 8192

int network_events_open(struct nl_sock **events, struct error *err)
{
	int ret;

	ret = netlink_open(NETLINK_ROUTE, events, err);
	if (ret < 0)
		return ret;
	ret = nl_socket_add_memberships(*events, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
					RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_NETCONF, RTNLGRP_NONE);
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

int network_events_ifindex(struct nlmsghdr *header)
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
		return read_index(header, sizeof(struct rtmsg), RTA_OIF);
	case RTM_NEWNETCONF:
	case RTM_DELNETCONF:
		return read_index(header, sizeof(struct netconfmsg), NETCONFA_IFINDEX);
	default:
		return 0;
	}
}

static enum network_event classify(struct nlmsghdr *header, const unsigned int *own, size_t count)
{
	const int ifindex = network_events_ifindex(header);

	if (ifindex == -1)
		return NETWORK_EVENT_OWN;
	for (size_t i = 0; i < count; i++)
		if (ifindex > 0 && (unsigned int)ifindex == own[i])
			return NETWORK_EVENT_OWN;
	return NETWORK_EVENT_OTHER;
}

enum network_event network_events_drain(struct nl_sock *events, const unsigned int *own,
					size_t count)
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
		event = size > 0 && nlmsg_ok(header, (int)size) ? classify(header, own, count)
								: NETWORK_EVENT_OWN;
		found = event > found ? event : found;
	}
}
