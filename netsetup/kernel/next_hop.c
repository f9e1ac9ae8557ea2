// SPDX-License-Identifier: GPL-2.0-or-later
// Lists the next hops of all IPv4 routes.
#include "netsetup/kernel/next_hop.h"

#include <errno.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

static void add(struct address_set *set, struct nlattr *gateway)
{
	struct in_addr address;

	if (!gateway || nla_len(gateway) != sizeof(address))
		return;
	nla_memcpy(&address, gateway, sizeof(address));
	address_set_add(set, address);
}

static void add_multipath(struct address_set *set, struct nlattr *multipath)
{
	const char *at = nla_data(multipath);
	int left = nla_len(multipath);

	while (left >= (int)sizeof(struct rtnexthop)) {
		const struct rtnexthop *hop = (const void *)at;

		if (hop->rtnh_len < sizeof(*hop) || hop->rtnh_len > left)
			return;
		add(set, nla_find((const void *)(at + sizeof(*hop)),
				  hop->rtnh_len - (int)sizeof(*hop), RTA_GATEWAY));
		left -= (int)RTNH_ALIGN(hop->rtnh_len);
		at += RTNH_ALIGN(hop->rtnh_len);
	}
}

static int on_route(struct nlmsghdr *header, void *context)
{
	struct nlattr *multipath;

	if (header->nlmsg_type != RTM_NEWROUTE || !nlmsg_valid_hdr(header, sizeof(struct rtmsg)))
		return 0;
	add(context, nlmsg_find_attr(header, sizeof(struct rtmsg), RTA_GATEWAY));
	multipath = nlmsg_find_attr(header, sizeof(struct rtmsg), RTA_MULTIPATH);
	if (multipath)
		add_multipath(context, multipath);
	return 0;
}

static int on_nexthop(struct nlmsghdr *header, void *context)
{
	if (header->nlmsg_type == RTM_NEWNEXTHOP && nlmsg_valid_hdr(header, sizeof(struct nhmsg)))
		add(context, nlmsg_find_attr(header, sizeof(struct nhmsg), NHA_GATEWAY));
	return 0;
}

static int dump(struct nl_sock *route, int type, const void *header, size_t size,
		netlink_parse_fn *parse, struct address_set *set)
{
	cleanup_nl_msg *message = netlink_message(type, NLM_F_DUMP, header, size);
	int ret = message ? netlink_request(route, message, parse, set) : -ENOMEM;

	/* -EOPNOTSUPP: a kernel before 5.3 has no nexthop objects. */
	return ret == -EOPNOTSUPP ? 0 : ret;
}

int next_hop_list(struct nl_sock *route, struct address_set *set, struct error *err)
{
	const struct rtmsg routes = { .rtm_family = AF_INET };
	const struct nhmsg nexthops = { .nh_family = AF_UNSPEC };
	int ret;

	ret = dump(route, RTM_GETROUTE, &routes, sizeof(routes), on_route, set);
	if (ret == 0)
		ret = dump(route, RTM_GETNEXTHOP, &nexthops, sizeof(nexthops), on_nexthop, set);
	return ret < 0 ? error_set_errno(err, -ret, "cannot list the next hops of routes") : 0;
}
