// SPDX-License-Identifier: GPL-2.0-or-later
// What the host is like now: whether the things that make a VM's place are there.
#ifndef NETSETUP_KERNEL_QUERY_H
#define NETSETUP_KERNEL_QUERY_H

#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "netsetup/kernel/netlink.h"

/**
 * struct link_state - of an interface.
 * @up: administratively.
 * @mtu: bytes.
 */
struct link_state {
	bool up;
	unsigned int mtu;
};

/**
 * query_link() - ask for an interface.
 * @route: rtnetlink socket.
 * @ifindex: its index.
 * @state: its state.
 *
 * Return: 0, -ENODEV when there is none, or another negative errno.
 */
int query_link(struct nl_sock *route, unsigned int ifindex, struct link_state *state);

/**
 * query_route() - ask whether packets for an address take its host route through an interface.
 * @route: rtnetlink socket.
 * @address: the address.
 * @ifindex: the interface.
 *
 * Return: 1 when they do, 0 when not, or a negative errno.
 */
int query_route(struct nl_sock *route, struct in_addr address, unsigned int ifindex);

/**
 * query_proxy() - ask whether the kernel has a proxy entry (neigh_get() in net/core/neighbour.c,
 * Linux 5.0).
 * @route: rtnetlink socket.
 * @address: the address.
 * @ifindex: the interface.
 *
 * Return: 1 when it has, 0 when not, or a negative errno.
 */
int query_proxy(struct nl_sock *route, struct in_addr address, unsigned int ifindex);

/**
 * query_neighbour() - ask for the hardware address of a station that this host has spoken with.
 * @route: rtnetlink socket.
 * @address: the station's.
 * @ifindex: the interface.
 * @mac: its hardware address; untouched when it is not known.
 *
 * Return: 1 when it is known, 0 when not, or a negative errno.
 */
int query_neighbour(struct nl_sock *route, struct in_addr address, unsigned int ifindex,
		    struct ether_addr *mac);

#endif
