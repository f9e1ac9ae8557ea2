// SPDX-License-Identifier: GPL-2.0-or-later
// Queries single links, routes, proxy entries and neighbours of the host.
#include "netsetup/kernel/query.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "netsetup/base/cleanup.h"

/* States without a known hardware address. */
#define NUD_NO_ANSWER (NUD_NONE | NUD_INCOMPLETE | NUD_FAILED)

/* Makes a request of its family's header and, unless @address is NULL, an address attribute. */
static struct nl_msg *request(int type, const void *header, size_t size, int attribute,
			      const struct in_addr *address)
{
	cleanup_nl_msg *message = netlink_message(type, 0, header, size);

	if (!message || (address && nla_put(message, attribute, sizeof(*address), address) < 0))
		return NULL;
	return take_ptr(&message);
}

static unsigned int read_u32(const struct nlattr *attribute)
{
	return attribute && nla_len(attribute) == sizeof(uint32_t) ? nla_get_u32(attribute) : 0;
}

/* Reads what tun_fill_info() in drivers/net/tun.c writes; other links have other data. */
static unsigned int read_queues(const struct nlattr *info)
{
	struct nlattr *kind = info ? nla_find(nla_data(info), nla_len(info), IFLA_INFO_KIND) : NULL;
	struct nlattr *data = info ? nla_find(nla_data(info), nla_len(info), IFLA_INFO_DATA) : NULL;

	if (!kind || !data || nla_strcmp(kind, "tun") != 0)
		return 0;
	return read_u32(nla_find(nla_data(data), nla_len(data), IFLA_TUN_NUM_QUEUES)) +
	       read_u32(nla_find(nla_data(data), nla_len(data), IFLA_TUN_NUM_DISABLED_QUEUES));
}

static int parse_link(struct nlmsghdr *header, void *context)
{
	struct link_state *state = context;
	const struct ifinfomsg *link = nlmsg_data(header);

	if (header->nlmsg_type != RTM_NEWLINK || !nlmsg_valid_hdr(header, sizeof(*link)))
		return 0;
	state->up = link->ifi_flags & IFF_UP;
	state->mtu = read_u32(nlmsg_find_attr(header, sizeof(*link), IFLA_MTU));
	state->queues = read_queues(nlmsg_find_attr(header, sizeof(*link), IFLA_LINKINFO));
	return 0;
}

int query_link(struct nl_sock *route, unsigned int ifindex, struct link_state *state)
{
	const struct ifinfomsg header = { .ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex };
	cleanup_nl_msg *message = request(RTM_GETLINK, &header, sizeof(header), 0, NULL);

	*state = (struct link_state){ 0 };
	return message ? netlink_request(route, message, parse_link, state) : -ENOMEM;
}

/* struct lookup - an answer: its interface, and the length of the route's destination. */
struct lookup {
	unsigned int ifindex;
	unsigned int length;
};

static int parse_lookup(struct nlmsghdr *header, void *context)
{
	const struct rtmsg *route = nlmsg_data(header);
	struct lookup *lookup = context;
	struct nlattr *oif;

	if (header->nlmsg_type != RTM_NEWROUTE || !nlmsg_valid_hdr(header, sizeof(*route)))
		return 0;
	oif = nlmsg_find_attr(header, sizeof(*route), RTA_OIF);
	lookup->length = route->rtm_dst_len;
	if (route->rtm_type == RTN_UNICAST && oif && nla_len(oif) == sizeof(uint32_t))
		lookup->ifindex = nla_get_u32(oif);
	return 0;
}

/* RTM_F_FIB_MATCH returns the matching route, not the result (inet_rtm_getroute(), Linux 4.13). */
static int look_up(struct nl_sock *route, struct in_addr address, unsigned int flags,
		   struct lookup *lookup)
{
	const struct rtmsg header = { .rtm_family = AF_INET,
				      .rtm_dst_len = 32,
				      .rtm_flags = flags };
	cleanup_nl_msg *message = request(RTM_GETROUTE, &header, sizeof(header), RTA_DST, &address);
	int ret;

	*lookup = (struct lookup){ 0 };
	ret = message ? netlink_request(route, message, parse_lookup, lookup) : -ENOMEM;
	return ret == -ENETUNREACH || ret == -EHOSTUNREACH || ret == -EACCES ? 0 : ret;
}

int query_lookup(struct nl_sock *route, struct in_addr address, unsigned int *ifindex,
		 unsigned int *length)
{
	struct lookup result, match;
	int ret;

	ret = look_up(route, address, 0, &result);
	if (ret == 0)
		ret = look_up(route, address, RTM_F_FIB_MATCH, &match);
	*ifindex = ret == 0 ? result.ifindex : 0;
	*length = ret == 0 ? match.length : 0;
	return ret;
}

static int parse_proxy(struct nlmsghdr *header, void *context)
{
	bool *seen = context;

	*seen = *seen || header->nlmsg_type == RTM_NEWNEIGH;
	return 0;
}

int query_proxy(struct nl_sock *route, struct in_addr address, unsigned int ifindex)
{
	const struct ndmsg header = { .ndm_family = AF_INET,
				      .ndm_ifindex = (int)ifindex,
				      .ndm_flags = NTF_PROXY };
	cleanup_nl_msg *message = request(RTM_GETNEIGH, &header, sizeof(header), NDA_DST, &address);
	bool seen = false;
	int ret = message ? netlink_request(route, message, parse_proxy, &seen) : -ENOMEM;

	if (ret == -ENOENT)
		return 0;
	return ret < 0 ? ret : seen;
}

struct wanted_neighbour {
	struct ether_addr *mac;
	bool known;
};

static int parse_neighbour(struct nlmsghdr *header, void *context)
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

int query_neighbour(struct nl_sock *route, struct in_addr address, unsigned int ifindex,
		    struct ether_addr *mac)
{
	const struct ndmsg header = { .ndm_family = AF_INET, .ndm_ifindex = (int)ifindex };
	cleanup_nl_msg *message = request(RTM_GETNEIGH, &header, sizeof(header), NDA_DST, &address);
	struct wanted_neighbour wanted = { mac, false };
	int ret = message ? netlink_request(route, message, parse_neighbour, &wanted) : -ENOMEM;

	if (ret == -ENOENT)
		return 0;
	return ret < 0 ? ret : wanted.known;
}
