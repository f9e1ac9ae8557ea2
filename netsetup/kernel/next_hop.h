// SPDX-License-Identifier: GPL-2.0-or-later
// Lists the next hops of all IPv4 routes.
#ifndef NETSETUP_KERNEL_NEXT_HOP_H
#define NETSETUP_KERNEL_NEXT_HOP_H

#include "netsetup/base/address_set.h"
#include "netsetup/kernel/netlink.h"

/**
 * next_hop_list() - add the IPv4 next hops of the routes of all tables and of all nexthop objects.
 * @route: rtnetlink socket.
 *
 * Return: 0 or a negative errno.
 */
int next_hop_list(struct nl_sock *route, struct address_set *set, struct error *err);

#endif
