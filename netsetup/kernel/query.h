// SPDX-License-Identifier: GPL-2.0-or-later
// Queries single links, routes, proxy entries and neighbours of the host.
#ifndef NETSETUP_KERNEL_QUERY_H
#define NETSETUP_KERNEL_QUERY_H

#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "netsetup/kernel/netlink.h"

/**
 * struct link_state - the state of an interface.
 * @up: true if it is administratively up.
 * @mtu: bytes.
 * @queues: of a tap with several: those in use and those that are off; else 0.
 */
struct link_state {
	bool up;
	unsigned int mtu;
	unsigned int queues;
};

/**
 * query_link() - query the state of an interface.
 * @route: rtnetlink socket.
 *
 * Return: 0, -ENODEV if the interface does not exist, or another negative errno.
 */
int query_link(struct nl_sock *route, unsigned int ifindex, struct link_state *state);

/**
 * query_lookup() - look up the interface through which the host would send to an address, with all
 * policy rules.
 * @ifindex: 0 if it would send nowhere.
 * @length: of the route's prefix, 0 for a default route.
 *
 * Return: 0 or a negative errno.
 */
int query_lookup(struct nl_sock *route, struct in_addr address, unsigned int *ifindex,
		 unsigned int *length);

/**
 * query_proxy() - query if the kernel has a proxy ARP entry (neigh_get() in net/core/neighbour.c,
 * Linux 5.0).
 * @route: rtnetlink socket.
 * @ifindex: the interface that answers for the address.
 *
 * Return: 1 if it has, 0 if not, or a negative errno.
 */
int query_proxy(struct nl_sock *route, struct in_addr address, unsigned int ifindex);

/**
 * query_neighbour() - query the hardware address of a neighbour.
 * @route: rtnetlink socket.
 * @mac: untouched unless the address is known.
 *
 * Return: 1 if it is known, 0 if not, or a negative errno.
 */
int query_neighbour(struct nl_sock *route, struct in_addr address, unsigned int ifindex,
		    struct ether_addr *mac);

#endif
