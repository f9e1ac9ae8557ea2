// SPDX-License-Identifier: GPL-2.0-or-later
// Lists the IPv4 policy rules, and the routes that they lead to.
#include "netsetup/kernel/fib_rule.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/kernel/interface.h"

/* Dumps that a change of the rules may interrupt. */
#define ATTEMPTS 8

static uint32_t read_u32(struct nlattr *attr, uint32_t otherwise)
{
	return attr && nla_len(attr) == sizeof(uint32_t) ? nla_get_u32(attr) : otherwise;
}

int fib_rule_add(struct nlmsghdr *header, void *context)
{
	const struct fib_rule_hdr *info = nlmsg_data(header);
	struct fib_rules *rules = context;
	struct nlattr *attr;
	struct fib_rule *list, rule;

	if ((header->nlmsg_type != RTM_NEWRULE && header->nlmsg_type != RTM_DELRULE) ||
	    !nlmsg_valid_hdr(header, sizeof(*info)) || info->family != AF_INET)
		return 0;
	rule = (struct fib_rule){ .action = info->action, .to.length = info->dst_len };
	rule.preference = read_u32(nlmsg_find_attr(header, sizeof(*info), FRA_PRIORITY), 0);
	rule.table = read_u32(nlmsg_find_attr(header, sizeof(*info), FRA_TABLE), info->table);
	rule.to.address.s_addr = read_u32(nlmsg_find_attr(header, sizeof(*info), FRA_DST), 0);
	attr = nlmsg_find_attr(header, sizeof(*info), FRA_PROTOCOL);
	if (attr && nla_len(attr) == 1)
		rule.protocol = nla_get_u8(attr);
	attr = nlmsg_find_attr(header, sizeof(*info), FRA_IIFNAME);
	if (attr)
		nla_strlcpy(rule.iifname, attr, sizeof(rule.iifname));

	list = interface_grow(rules->list, rules->count, sizeof(*list));
	if (!list)
		return -ENOMEM;
	rules->list = list;
	list[rules->count++] = rule;
	return 0;
}

static int dump(struct nl_sock *sock, int type, const void *header, size_t size,
		netlink_parse_fn *parse, void *context)
{
	cleanup_nl_msg *message = netlink_message(type, NLM_F_DUMP, header, size);

	return message ? netlink_request(sock, message, parse, context) : -ENOMEM;
}

int fib_rule_dump(struct nl_sock *sock, struct fib_rules *rules, struct error *err)
{
	const struct fib_rule_hdr header = { .family = AF_INET };
	int ret = -EINTR;

	*rules = (struct fib_rules){ 0 };
	for (int i = 0; i < ATTEMPTS && ret == -EINTR; i++) {
		fib_rule_done(rules);
		ret = dump(sock, RTM_GETRULE, &header, sizeof(header), fib_rule_add, rules);
	}
	return ret < 0 ? error_set_errno(err, -ret, "cannot list the policy rules") : 0;
}

struct route_listing {
	uint8_t protocol;
	struct table_routes *routes;
};

static int on_route(struct nlmsghdr *header, void *context)
{
	const struct route_listing *listing = context;
	const struct rtmsg *info = nlmsg_data(header);
	struct table_route *list, route = { 0 };

	if (header->nlmsg_type != RTM_NEWROUTE || !nlmsg_valid_hdr(header, sizeof(*info)) ||
	    info->rtm_family != AF_INET || info->rtm_type != RTN_UNICAST ||
	    info->rtm_protocol != listing->protocol || info->rtm_flags & RTM_F_CLONED)
		return 0;
	route.table = read_u32(nlmsg_find_attr(header, sizeof(*info), RTA_TABLE), info->rtm_table);
	route.to.length = info->rtm_dst_len;
	route.to.address.s_addr = read_u32(nlmsg_find_attr(header, sizeof(*info), RTA_DST), 0);
	route.router.s_addr = read_u32(nlmsg_find_attr(header, sizeof(*info), RTA_GATEWAY), 0);
	route.source.s_addr = read_u32(nlmsg_find_attr(header, sizeof(*info), RTA_PREFSRC), 0);
	route.ifindex = read_u32(nlmsg_find_attr(header, sizeof(*info), RTA_OIF), 0);

	list = interface_grow(listing->routes->list, listing->routes->count, sizeof(*list));
	if (!list)
		return -ENOMEM;
	listing->routes->list = list;
	list[listing->routes->count++] = route;
	return 0;
}

int fib_rule_dump_routes(struct nl_sock *sock, uint8_t protocol, struct table_routes *routes,
			 struct error *err)
{
	const struct rtmsg header = { .rtm_family = AF_INET, .rtm_protocol = protocol };
	struct route_listing listing = { protocol, routes };
	int ret = -EINTR;

	*routes = (struct table_routes){ 0 };
	for (int i = 0; i < ATTEMPTS && ret == -EINTR; i++) {
		fib_rule_routes_done(routes);
		ret = dump(sock, RTM_GETROUTE, &header, sizeof(header), on_route, &listing);
	}
	return ret < 0 ? error_set_errno(err, -ret, "cannot list the routes of VMs") : 0;
}

void fib_rule_done(struct fib_rules *rules)
{
	free(rules->list);
	*rules = (struct fib_rules){ 0 };
}

void fib_rule_routes_done(struct table_routes *routes)
{
	free(routes->list);
	*routes = (struct table_routes){ 0 };
}
