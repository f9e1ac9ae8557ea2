// SPDX-License-Identifier: GPL-2.0-or-later
// Collects the next hops of default routes, from routes and nexthop objects.
#include "netsetup/kernel/route.h"

#include <errno.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <sys/socket.h>

/*
 * Ends the loop of route_resolve() if groups contain each other. Kernels up to now allow no group
 * within a group (valid_group_nh() in net/ipv4/nexthop.c).
 */
#define ROUTES_MAX 1024

static int add_route(struct interfaces *table, const struct default_route *route)
{
	struct default_route *routes;

	routes = interface_grow(table->routes, table->route_count, sizeof(*routes));
	if (!routes)
		return -ENOMEM;
	table->routes = routes;
	routes[table->route_count++] = *route;
	return 0;
}

/* A next hop of another family is in RTA_VIA, which gives no IPv4 router. */
static struct in_addr read_router(struct nlattr *gateway)
{
	return (struct in_addr){ gateway ? nla_get_u32(gateway) : INADDR_ANY };
}

static int add_multipath(struct interfaces *table, struct default_route route,
			 struct nlattr *multipath)
{
	static struct nla_policy policy[RTA_MAX + 1] = {
		[RTA_GATEWAY] = { .type = NLA_U32 },
	};
	int left = nla_len(multipath), ret;
	struct nlattr *attrs[RTA_MAX + 1];
	char *at = nla_data(multipath);

	while (left > 0) {
		const struct rtnexthop *hop = (void *)at;

		if (left < (int)sizeof(*hop) || hop->rtnh_len < sizeof(*hop) ||
		    hop->rtnh_len > left || hop->rtnh_ifindex <= 0)
			return -EBADMSG;
		if (nla_parse(attrs, RTA_MAX, (void *)(at + sizeof(*hop)),
			      hop->rtnh_len - (int)sizeof(*hop), policy) < 0)
			return -EBADMSG;

		route.ifindex = (unsigned int)hop->rtnh_ifindex;
		route.router = read_router(attrs[RTA_GATEWAY]);
		ret = hop->rtnh_flags & RTNH_F_DEAD ? 0 : add_route(table, &route);
		if (ret < 0)
			return ret;
		left -= (int)RTNH_ALIGN(hop->rtnh_len);
		at += RTNH_ALIGN(hop->rtnh_len);
	}
	return 0;
}

/* True for a default route of the main table, for packets of any source and TOS. */
static bool is_default(const struct rtmsg *info, struct nlattr *const *attrs)
{
	return info->rtm_dst_len == 0 && info->rtm_src_len == 0 && info->rtm_tos == 0 &&
	       info->rtm_type == RTN_UNICAST && !(info->rtm_flags & (RTM_F_CLONED | RTNH_F_DEAD)) &&
	       (attrs[RTA_TABLE] ? nla_get_u32(attrs[RTA_TABLE]) : info->rtm_table) ==
		       RT_TABLE_MAIN;
}

int route_add(struct nlmsghdr *header, void *context)
{
	static struct nla_policy policy[RTA_MAX + 1] = {
		[RTA_TABLE] = { .type = NLA_U32 },   [RTA_OIF] = { .type = NLA_U32 },
		[RTA_GATEWAY] = { .type = NLA_U32 }, [RTA_PRIORITY] = { .type = NLA_U32 },
		[RTA_NH_ID] = { .type = NLA_U32 },
	};
	const struct rtmsg *info = nlmsg_data(header);
	struct nlattr *attrs[RTA_MAX + 1];
	struct default_route route = { 0 };

	if (header->nlmsg_type != RTM_NEWROUTE)
		return 0;
	if (!nlmsg_valid_hdr(header, sizeof(*info)))
		return -EBADMSG;
	if (info->rtm_family != AF_INET || info->rtm_dst_len != 0)
		return 0;
	if (nlmsg_parse(header, sizeof(*info), attrs, RTA_MAX, policy) < 0)
		return -EBADMSG;
	if (!is_default(info, attrs))
		return 0;

	if (attrs[RTA_PRIORITY])
		route.metric = nla_get_u32(attrs[RTA_PRIORITY]);
	if (attrs[RTA_MULTIPATH])
		return add_multipath(context, route, attrs[RTA_MULTIPATH]);

	route.router = read_router(attrs[RTA_GATEWAY]);
	if (attrs[RTA_OIF])
		route.ifindex = nla_get_u32(attrs[RTA_OIF]);
	else if (attrs[RTA_NH_ID])
		route.nexthop = nla_get_u32(attrs[RTA_NH_ID]);
	else
		return -EBADMSG;
	return add_route(context, &route);
}

/**
 * struct lookup - a query for the nexthop object of a route.
 * @table: receives a route for each next hop.
 * @metric: of the route.
 */
struct lookup {
	struct interfaces *table;
	uint32_t metric;
};

static int add_group(struct lookup *lookup, struct nlattr *attr)
{
	const struct nexthop_grp *group = nla_data(attr);
	size_t count = (size_t)nla_len(attr) / sizeof(*group);
	int ret = 0;

	for (size_t i = 0; i < count && ret == 0; i++)
		ret = add_route(lookup->table, &(struct default_route){ .metric = lookup->metric,
									.nexthop = group[i].id });
	return ret;
}

/* Adds a route, for a group one per nexthop to resolve later, for a blackhole none. */
static int parse_nexthop(struct nlmsghdr *header, void *context)
{
	static struct nla_policy policy[NHA_MAX + 1] = {
		[NHA_OIF] = { .type = NLA_U32 },
		[NHA_GATEWAY] = { .minlen = sizeof(struct in_addr) },
	};
	const struct nhmsg *info = nlmsg_data(header);
	struct nlattr *attrs[NHA_MAX + 1];
	struct lookup *lookup = context;
	struct default_route route = { .metric = lookup->metric };

	if (header->nlmsg_type != RTM_NEWNEXTHOP)
		return 0;
	if (nlmsg_parse(header, sizeof(*info), attrs, NHA_MAX, policy) < 0)
		return -EBADMSG;
	if (attrs[NHA_GROUP])
		return add_group(lookup, attrs[NHA_GROUP]);
	if (!attrs[NHA_OIF] || info->nh_flags & RTNH_F_DEAD)
		return 0;

	route.ifindex = nla_get_u32(attrs[NHA_OIF]);
	if (info->nh_family == AF_INET)
		route.router = read_router(attrs[NHA_GATEWAY]);
	return add_route(lookup->table, &route);
}

static int query_nexthop(struct nl_sock *sock, struct interfaces *table, struct default_route route)
{
	const struct nhmsg info = { .nh_family = AF_UNSPEC };
	cleanup_nl_msg *msg = netlink_message(RTM_GETNEXTHOP, 0, &info, sizeof(info));
	struct lookup lookup = { .table = table, .metric = route.metric };
	int ret;

	if (!msg || nla_put_u32(msg, NHA_ID, route.nexthop) < 0)
		return -ENOMEM;
	ret = netlink_request(sock, msg, parse_nexthop, &lookup);
	return ret == -ENOENT ? 0 : ret;
}

int route_resolve(struct nl_sock *sock, struct interfaces *table)
{
	size_t kept = 0;
	int ret;

	/* The answers append to the routes of this loop. */
	for (size_t i = 0; i < table->route_count; i++) {
		if (table->routes[i].ifindex != 0)
			continue;
		if (i >= ROUTES_MAX)
			return -E2BIG;
		ret = query_nexthop(sock, table, table->routes[i]);
		if (ret < 0)
			return ret;
	}
	for (size_t i = 0; i < table->route_count; i++)
		if (table->routes[i].ifindex != 0)
			table->routes[kept++] = table->routes[i];
	table->route_count = kept;
	return 0;
}
