// SPDX-License-Identifier: GPL-2.0-or-later
// Identifies the network in which an address was proven free.
#ifndef NETSETUP_SESSION_NETWORK_H
#define NETSETUP_SESSION_NETWORK_H

#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "netsetup/base/ipv4.h"
#include "netsetup/kernel/netlink.h"
#include "netsetup/kernel/uplink.h"

/**
 * struct network - the properties that tell one network from another.
 * @prefix: of its subnet; length 0: no network was noted yet.
 * @router: or 0.0.0.0.
 * @router_mac: its hardware address; all zero if this host has not spoken with it. Many networks
 *              have the same numbers, 192.168.1.0/24 and the router at .1, but each router is in
 *              only one.
 * @ssid: or empty.
 */
struct network {
	struct prefix prefix;
	struct in_addr router;
	struct ether_addr router_mac;
	char ssid[SSID_TEXT_SIZE];
};

/**
 * network_note() - note the uplink's network; sends nothing to the network.
 * @network: keeps what it knows of the same network and the uplink lacks.
 * @route: rtnetlink socket, to query the router's hardware address.
 */
void network_note(struct network *network, const struct uplink *uplink, struct nl_sock *route);

/**
 * network_same() - true if the uplink is in that network by its numbers: the subnet, and the router
 * and the SSID if both sides know them. A router may be unknown because interfaces get their
 * addresses before their routes.
 */
bool network_same(const struct network *network, const struct uplink *uplink);

/**
 * network_confirm() - query the router by ARP to see if it is the same one: after a lost link, the
 * host may be in any network (RFC 4436).
 * @network: network_same() with @uplink.
 * @socket: of arp_open() on the uplink; its filter is changed.
 *
 * Return: true if it is the same, or if nothing is known of the router.
 */
bool network_confirm(const struct network *network, const struct uplink *uplink, int socket);

#endif
