// SPDX-License-Identifier: GPL-2.0-or-later
// The ways that default routes go: next hops inside routes, and nexthop objects beside them.
#ifndef NETSETUP_KERNEL_ROUTE_H
#define NETSETUP_KERNEL_ROUTE_H

#include "netsetup/kernel/interface.h"
#include "netsetup/kernel/netlink.h"

/**
 * interfaces_add_route() - add the default route of one message of a dump, once for each next hop.
 * A message of another type, or of no interest, adds nothing. A route that names a nexthop object
 * and nothing else (net.ipv4.nexthop_compat_mode=0) gets ifindex 0.
 * @header: RTM_NEWROUTE, as an nl_parse_fn gets it.
 * @table: struct interfaces.
 *
 * Return: 0, -EBADMSG when the message is malformed, or -ENOMEM.
 */
int interfaces_add_route(struct nlmsghdr *header, void *table);

/**
 * nexthop_resolve() - ask the kernel which ways the routes with ifindex 0 go.
 * @sock: NETLINK_ROUTE.
 * @table: routes with a nexthop object are replaced by one route for each of its ways.
 *
 * Return: 0, also when a nexthop object is gone meanwhile (its route is too), or a negative errno.
 */
int nexthop_resolve(struct nl_sock *sock, struct interfaces *table);

#endif
