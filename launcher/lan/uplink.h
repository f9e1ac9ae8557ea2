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
 * uplink_find() - choose the uplink, in the caller's network namespace.
 * @ifname: the interface's name. NULL chooses the Wi-Fi client with a default route, else the
 *          interface with the default route of the lowest metric; instead of a port its bridge.
 * @err: with STATUS_NETWORK the remedy lists each interface with the reason to refuse it.
 *
 * An interface is usable if it is up and connected (it has carrier), is an Ethernet interface with
 * ARP and no tunnel, no tap of a VM and no port of a bridge or bond, and has an IPv4 address of
 * global scope with a prefix of 1 to 30 bits. Of several addresses it uses the one whose subnet
 * contains the router, else the oldest. A named interface may lack a default route.
 *
 * Return: 0, -ENODEV if none is usable, -ENOTUNIQ if several are equally good, or another negative
 * errno of netlink.
 */
int uplink_find(const char *ifname, struct uplink *uplink, struct error *err);

/**
 * uplink_choose() - choose the uplink from a table, as uplink_find() does.
 * @table: from network_dump() and wireless_read().
 */
int uplink_choose(const struct interfaces *table, const char *ifname, struct uplink *uplink,
		  struct error *err);

#endif
