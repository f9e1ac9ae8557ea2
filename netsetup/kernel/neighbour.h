// SPDX-License-Identifier: GPL-2.0-or-later
// Lists the addresses of an interface's neighbour table.
#ifndef NETSETUP_KERNEL_NEIGHBOUR_H
#define NETSETUP_KERNEL_NEIGHBOUR_H

#include "netsetup/base/address_set.h"
#include "netsetup/base/error.h"
#include "netsetup/kernel/netlink.h"

/**
 * neighbour_list() - add the IPv4 addresses that have or had a hardware address on an interface.
 * @route: rtnetlink socket.
 * @permanent: true for those that root has set only.
 *
 * Return: 0 or a negative errno.
 */
int neighbour_list(struct nl_sock *route, unsigned int ifindex, bool permanent,
		   struct address_set *set, struct error *err);

#endif
