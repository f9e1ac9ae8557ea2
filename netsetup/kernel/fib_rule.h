// SPDX-License-Identifier: GPL-2.0-or-later
// Lists the IPv4 policy rules, and the routes that they lead to.
#ifndef NETSETUP_KERNEL_FIB_RULE_H
#define NETSETUP_KERNEL_FIB_RULE_H

#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "netsetup/base/ipv4.h"
#include "netsetup/kernel/netlink.h"

/**
 * struct fib_rule - a policy rule, ip-rule(8).
 * @preference: the kernel asks the rule with the lowest one first.
 * @protocol: FRA_PROTOCOL, the program that made it.
 * @action: FR_ACT_*.
 * @table: of FR_ACT_TO_TBL.
 * @iifname: the interface from which packets come, or empty. The name may have no interface.
 * @to: destination of packets; length 0 for any.
 */
struct fib_rule {
	uint32_t preference;
	uint8_t protocol;
	uint8_t action;
	uint32_t table;
	char iifname[IFNAMSIZ];
	struct prefix to;
};

/* struct fib_rules - a list of rules in the kernel's order; all zero is empty. */
struct fib_rules {
	struct fib_rule *list;
	size_t count;
};

/**
 * struct table_route - a unicast route of one program, in any table.
 * @to: destination; length 0 for a default route.
 * @router: next hop, or 0.0.0.0.
 * @source: this host's preferred source address, or 0.0.0.0.
 * @ifindex: its interface.
 */
struct table_route {
	uint32_t table;
	struct prefix to;
	struct in_addr router;
	struct in_addr source;
	unsigned int ifindex;
};

/* struct table_routes - a list of routes; all zero is empty. */
struct table_routes {
	struct table_route *list;
	size_t count;
};

/**
 * fib_rule_add() - add the rule of one message to a list (a netlink_parse_fn). Other messages add
 * nothing.
 * @header: RTM_NEWRULE or RTM_DELRULE.
 * @rules: struct fib_rules.
 *
 * Return: 0 or -ENOMEM.
 */
int fib_rule_add(struct nlmsghdr *header, void *rules);

/**
 * fib_rule_dump() - list all IPv4 rules.
 * @sock: from netlink_open().
 * @rules: end it with fib_rule_done(), also after a failure.
 *
 * Return: 0 or a negative errno.
 */
int fib_rule_dump(struct nl_sock *sock, struct fib_rules *rules, struct error *err);

/**
 * fib_rule_dump_routes() - list the IPv4 unicast routes of one program, in all tables.
 * @protocol: the program's.
 * @routes: the caller frees its list, also after a failure.
 *
 * Return: 0 or a negative errno.
 */
int fib_rule_dump_routes(struct nl_sock *sock, uint8_t protocol, struct table_routes *routes,
			 struct error *err);

/* fib_rule_done(), fib_rule_routes_done() - free a list and make it empty. */
void fib_rule_done(struct fib_rules *rules);
void fib_rule_routes_done(struct table_routes *routes);

#endif
