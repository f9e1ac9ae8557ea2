// SPDX-License-Identifier: GPL-2.0-or-later
// What the host is like now: whether the things that make a VM's place are there.
#include "netsetup/kernel/query.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "netsetup/base/cleanup.h"

/* States in which the hardware address is not known. */
#define NUD_NO_ANSWER (NUD_NONE | NUD_INCOMPLETE | NUD_FAILED)

/* A request that consists of a header of its family's and, when @address is not NULL, an address. */
static struct nl_msg *request(int type, const void *header, size_t size, int attribute,
			      const struct in_addr *address)
{
	cleanup_nl_msg *message = netlink_message(type, 0, header, size);

	if (!message || (address && nla_put(message, attribute, sizeof(*address), address) < 0))
		return NULL;
	return take_ptr(&message);
}

static int link_seen(struct nlmsghdr *header, void *context)
{
	struct link_state *state = context;
	const struct ifinfomsg *link = nlmsg_data(header);
	struct nlattr *mtu;

	if (header->nlmsg_type != RTM_NEWLINK || !nlmsg_valid_hdr(header, sizeof(*link)))
		return 0;
	mtu = nlmsg_find_attr(header, sizeof(*link), IFLA_MTU);
	state->up = link->ifi_flags & IFF_UP;
	state->mtu = mtu && nla_len(mtu) == sizeof(uint32_t) ? nla_get_u32(mtu) : 0;
	return 0;
}

int observe_link(struct nl_sock *route, unsigned int ifindex, struct link_state *state)
{
	const struct ifinfomsg header = { .ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex };
	cleanup_nl_msg *message = request(RTM_GETLINK, &header, sizeof(header), 0, NULL);

	*state = (struct link_state){ 0 };
	return message ? nl_request(route, message, link_seen, state) : -ENOMEM;
}

struct wanted_route {
	unsigned int ifindex;
	bool found;
};

static int route_seen(struct nlmsghdr *header, void *context)
{
	struct wanted_route *wanted = context;
	const struct rtmsg *route = nlmsg_data(header);
	struct nlattr *oif;

	if (header->nlmsg_type != RTM_NEWROUTE || !nlmsg_valid_hdr(header, sizeof(*route)))
		return 0;
	oif = nlmsg_find_attr(header, sizeof(*route), RTA_OIF);
	wanted->found = route->rtm_type == RTN_UNICAST && route->rtm_dst_len == 32 && oif &&
			nla_len(oif) == sizeof(uint32_t) && nla_get_u32(oif) == wanted->ifindex;
	return 0;
}

int observe_route(struct nl_sock *route, struct in_addr address, unsigned int ifindex)
{
	/* The route that the lookup finds, not the result of the lookup (inet_rtm_getroute()). */
	const struct rtmsg header = { .rtm_family = AF_INET,
				      .rtm_dst_len = 32,
				      .rtm_flags = RTM_F_FIB_MATCH };
	cleanup_nl_msg *message = request(RTM_GETROUTE, &header, sizeof(header), RTA_DST, &address);
	struct wanted_route wanted = { ifindex, false };
	int rc = message ? nl_request(route, message, route_seen, &wanted) : -ENOMEM;

	if (rc == -ENETUNREACH || rc == -EHOSTUNREACH)
		return 0;
	return rc < 0 ? rc : wanted.found;
}

static int proxy_seen(struct nlmsghdr *header, void *context)
{
	bool *seen = context;

	*seen = *seen || header->nlmsg_type == RTM_NEWNEIGH;
	return 0;
}

int observe_proxy(struct nl_sock *route, struct in_addr address, unsigned int ifindex)
{
	const struct ndmsg header = { .ndm_family = AF_INET,
				      .ndm_ifindex = (int)ifindex,
				      .ndm_flags = NTF_PROXY };
	cleanup_nl_msg *message = request(RTM_GETNEIGH, &header, sizeof(header), NDA_DST, &address);
	bool seen = false;
	int rc = message ? nl_request(route, message, proxy_seen, &seen) : -ENOMEM;

	if (rc == -ENOENT)
		return 0;
	return rc < 0 ? rc : seen;
}

struct wanted_neighbour {
	struct ether_addr *mac;
	bool known;
};

static int neighbour_seen(struct nlmsghdr *header, void *context)
{
	struct wanted_neighbour *wanted = context;
	const struct ndmsg *neighbour = nlmsg_data(header);
	struct nlattr *mac;

	if (header->nlmsg_type != RTM_NEWNEIGH || !nlmsg_valid_hdr(header, sizeof(*neighbour)))
		return 0;
	mac = nlmsg_find_attr(header, sizeof(*neighbour), NDA_LLADDR);
	if (neighbour->ndm_state & NUD_NO_ANSWER || !mac || nla_len(mac) != sizeof(*wanted->mac))
		return 0;
	nla_memcpy(wanted->mac, mac, sizeof(*wanted->mac));
	wanted->known = true;
	return 0;
}

int observe_neighbour(struct nl_sock *route, struct in_addr address, unsigned int ifindex,
		      struct ether_addr *mac)
{
	const struct ndmsg header = { .ndm_family = AF_INET, .ndm_ifindex = (int)ifindex };
	cleanup_nl_msg *message = request(RTM_GETNEIGH, &header, sizeof(header), NDA_DST, &address);
	struct wanted_neighbour wanted = { mac, false };
	int rc = message ? nl_request(route, message, neighbour_seen, &wanted) : -ENOMEM;

	if (rc == -ENOENT)
		return 0;
	return rc < 0 ? rc : wanted.known;
}
