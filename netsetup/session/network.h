// SPDX-License-Identifier: GPL-2.0-or-later
// The network in which an address was proven free, and whether the uplink is still in it.
#ifndef NETSETUP_SESSION_NETWORK_H
#define NETSETUP_SESSION_NETWORK_H

#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "netsetup/base/ipv4.h"
#include "netsetup/kernel/netlink.h"
#include "netsetup/kernel/uplink.h"

/**
 * struct network - by what a network is told from another one.
 * @prefix: of its subnet; length 0: no network was noted yet.
 * @router: or 0.0.0.0.
 * @router_mac: its hardware address, all zero while this host has not spoken with it. Many networks
 *              have the same numbers, 192.168.1.0/24 and the router at .1, but a router is in one.
 * @ssid: or empty.
 */
struct network {
	struct prefix prefix;
	struct in_addr router;
	struct ether_addr router_mac;
	char ssid[SSID_TEXT_SIZE];
};

/**
 * network_note() - the uplink's network is the one from now on.
 * @network: what is known of the same network already is kept where the uplink does not tell it.
 * @uplink: the uplink.
 * @route: rtnetlink socket, for the router's hardware address; asks nobody on the network.
 */
void network_note(struct network *network, const struct uplink *uplink, struct nl_sock *route);

/**
 * network_same() - whether the uplink is in that network by its numbers: its subnet, and, as far as
 * they are known on both sides, its router and its SSID. A router that is not known now may
 * only not have been told yet: interfaces get their addresses before their routes.
 */
bool network_same(const struct network *network, const struct uplink *uplink);

/**
 * network_confirm() - ask the router by ARP whether it still is the one that was, after the link was
 * lost and so may have come back anywhere (RFC 4436).
 * @network: network_same() with @uplink.
 * @uplink: the uplink.
 * @socket: of arp_open() on the uplink; what it listens to is changed.
 *
 * Return: whether it is; true when nothing is known of the router.
 */
bool network_confirm(const struct network *network, const struct uplink *uplink, int socket);

#endif
