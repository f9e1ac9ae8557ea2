// SPDX-License-Identifier: GPL-2.0-or-later
// Collects the next hops of default routes, from routes and nexthop objects.
#ifndef NETSETUP_KERNEL_ROUTE_H
#define NETSETUP_KERNEL_ROUTE_H

#include "netsetup/kernel/interface.h"
#include "netsetup/kernel/netlink.h"

/**
 * route_add() - add the default route of one message of a dump (a netlink_parse_fn), once for each
 * next hop. Other messages and routes add nothing. A route that has only the id of a nexthop object
 * (net.ipv4.nexthop_compat_mode=0) gets ifindex 0.
 * @header: RTM_NEWROUTE.
 * @table: struct interfaces.
 *
 * Return: 0, -EBADMSG if the message is malformed, or -ENOMEM.
 */
int route_add(struct nlmsghdr *header, void *table);

/**
 * route_resolve() - replace each route with ifindex 0 by one route for each next hop of its nexthop
 * object. A nexthop object that vanishes meanwhile removes its route without an error.
 * @sock: rtnetlink socket.
 *
 * Return: 0 or a negative errno.
 */
int route_resolve(struct nl_sock *sock, struct interfaces *table);

#endif
