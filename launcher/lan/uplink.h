// SPDX-License-Identifier: GPL-2.0-or-later
// Chooses the uplink: the interface that connects the VM to the LAN.
#ifndef LAUNCHER_LAN_UPLINK_H
#define LAUNCHER_LAN_UPLINK_H

#include <net/ethernet.h>
#include <net/if.h>
#include <stdbool.h>

#include "netsetup/base/error.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/base/printable.h"

/**
 * struct uplink - an interface that can connect a VM to the LAN.
 * @mac: its current hardware address; a disconnected Wi-Fi interface has a random one.
 * @prefix: its IPv4 address and the length of the subnet's prefix, 1..30.
 * @router: next hop of its default route, or 0.0.0.0.
 * @mtu: bytes.
 * @wireless: true for Wi-Fi.
 * @ssid: text from printable(); empty if unknown.
 */
struct uplink {
	char ifname[IFNAMSIZ];
	unsigned int ifindex;
	struct ether_addr mac;
	struct prefix prefix;
	struct in_addr router;
	unsigned int mtu;
	bool wireless;
	char ssid[SSID_TEXT_SIZE];
};

struct interfaces;

/**
 * struct uplink_search - the uplink to look for; all zero is the best one.
 * @ifname: the interface's name, or NULL for any.
 * @present: index of the uplink of a VM that runs, which it keeps if no other is better; or 0.
 * @address: a fixed address, in whose subnet the uplink's address is if it has one there; or
 *           0.0.0.0.
 */
struct uplink_search {
	const char *ifname;
	unsigned int present;
	struct in_addr address;
};

/**
 * uplink_find() - choose the uplink, in the caller's network namespace.
 * @search: without a name, this chooses the Wi-Fi client with a default route, else the interface
 *          with the default route of the lowest metric; instead of a port its bridge.
 * @err: with STATUS_NETWORK the remedy lists each interface with the reason to refuse it.
 *
 * An interface is usable if it is up and connected (it has carrier), is an Ethernet interface with
 * ARP and no tunnel, no tap of a VM and no port of a bridge, bond or VRF, and has an IPv4 address
 * with a prefix of 1 to 30 bits, of global scope or link-local (RFC 3927). Of several addresses it
 * uses the one whose subnet contains the fixed address, else the router, else the oldest; a
 * link-local one comes last. A named interface may lack a default route.
 *
 * Return: 0, -ENODEV if none is usable, -ENOTUNIQ if several are equally good, or another negative
 * errno of netlink.
 */
int uplink_find(const struct uplink_search *search, struct uplink *uplink, struct error *err);

/**
 * uplink_choose() - choose the uplink from a table, as uplink_find() does.
 * @table: from network_dump() and wireless_read().
 */
int uplink_choose(const struct interfaces *table, const struct uplink_search *search,
		  struct uplink *uplink, struct error *err);

#endif
