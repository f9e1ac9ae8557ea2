// SPDX-License-Identifier: GPL-2.0-or-later
// The ways that default routes go: next hops inside routes, and nexthop objects beside them.
#ifndef NETSETUP_KERNEL_ROUTE_H
#define NETSETUP_KERNEL_ROUTE_H

#include "netsetup/kernel/interface.h"
#include "netsetup/kernel/netlink.h"

/*
 * interfaces_add_route(), declared in interface.h, adds default routes that name a nexthop object
 * and nothing else (net.ipv4.nexthop_compat_mode=0) with their ifindex 0.
 */

/**
 * nexthop_resolve() - ask the kernel which ways such routes go.
 * @sock: NETLINK_ROUTE.
 * @table: routes with a nexthop object are replaced by one route for each of its ways.
 *
 * Return: 0, also when a nexthop object is gone meanwhile (its route is too), or a negative errno.
 */
int nexthop_resolve(struct nl_sock *sock, struct interfaces *table);

#endif
