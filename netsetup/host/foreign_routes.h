// SPDX-License-Identifier: GPL-2.0-or-later
// What others have made on this host for single addresses: routes, and proxy entries.
#ifndef NETSETUP_HOST_FOREIGN_ROUTES_H
#define NETSETUP_HOST_FOREIGN_ROUTES_H

#include <netinet/in.h>

#include "netsetup/base/address_set.h"
#include "netsetup/base/error.h"
#include "netsetup/kernel/netlink.h"

/**
 * foreign_routes_list() - the addresses that have a host route in the main table, or a proxy entry on the
 * uplink, which no VM of ours has made: a VM could not have its own.
 * @route: rtnetlink socket.
 * @uplink: index of the uplink.
 * @set: they are added to it.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int foreign_routes_list(struct nl_sock *route, unsigned int uplink, struct address_set *set,
			struct error *err);

/**
 * foreign_routes_check() - refuse an address that has one.
 * @route, @uplink: as above.
 * @address: the address.
 * @err: names what it has, with the command that removes it.
 *
 * Return: 0, -EEXIST or another negative errno.
 */
int foreign_routes_check(struct nl_sock *route, unsigned int uplink, struct in_addr address,
			 struct error *err);

#endif
