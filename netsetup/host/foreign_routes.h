// SPDX-License-Identifier: GPL-2.0-or-later
// Finds host routes and proxy entries that other programs have made.
#ifndef NETSETUP_HOST_FOREIGN_ROUTES_H
#define NETSETUP_HOST_FOREIGN_ROUTES_H

#include <netinet/in.h>

#include "netsetup/base/address_set.h"
#include "netsetup/base/error.h"
#include "netsetup/kernel/netlink.h"

/**
 * foreign_routes_list() - list the addresses that no VM can get, because another program has made a
 * host route for them in the main table or a proxy entry on the uplink.
 * @route: rtnetlink socket.
 * @uplink: index of the uplink.
 * @set: the addresses are added to it.
 *
 * Return: 0 or a negative errno.
 */
int foreign_routes_list(struct nl_sock *route, unsigned int uplink, struct address_set *set,
			struct error *err);

/**
 * foreign_routes_check() - refuse an address that has a foreign route or proxy entry.
 * @route, @uplink: as above.
 * @err: names the entry and the command that removes it.
 *
 * Return: 0, -EEXIST or another negative errno.
 */
int foreign_routes_check(struct nl_sock *route, unsigned int uplink, struct in_addr address,
			 struct error *err);

#endif
