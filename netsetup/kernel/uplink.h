// SPDX-License-Identifier: GPL-2.0-or-later
// The uplink: the interface through which the VM is on the LAN.
#ifndef NETSETUP_KERNEL_UPLINK_H
#define NETSETUP_KERNEL_UPLINK_H

#include <net/ethernet.h>
#include <net/if.h>
#include <stdbool.h>

#include "netsetup/base/error.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/base/printable.h"

/**
 * struct uplink - an interface that can carry a VM.
 * @ifname: its name.
 * @ifindex: its index.
 * @mac: its hardware address now; a disconnected Wi-Fi interface carries a random one.
 * @prefix: its IPv4 address and the length of the subnet's prefix, 1..30.
 * @router: next hop of its default route; 0.0.0.0 when it has none.
 * @mtu: in bytes.
 * @wireless: nl80211 knows it.
 * @ssid: printable text, empty when not known; unprintable octets as "\xNN".
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
 * @ifname: the interface's name, or NULL for the wireless interface with the IPv4 default route,
 *          else the interface with the best (lowest metric) default route that does ARP; the
 *          bridge when it is a bridge's port.
 * @uplink: the uplink.
 * @err: with STATUS_NETWORK lists each interface that was found and why it was refused.
 *
 * An interface is usable when it is up and connected (it has carrier), is an Ethernet that does ARP
 * and is no tunnel, no tap of a VM and no port of a bridge or bond, and has an IPv4 address of
 * global scope with a prefix of 1 to 30 bits. Of several addresses it is the one whose subnet
 * has the router, else the oldest. A named interface need not have a default route.
 *
 * Return: 0, -ENODEV when none is usable, -ENOTUNIQ when several are equally good, or another
 * negative errno of netlink.
 */
int uplink_find(const char *ifname, struct uplink *uplink, struct error *err);

/**
 * uplink_choose() - the same over a table of interfaces that was read before.
 * @table: from network_dump() and wireless_read().
 * @ifname, @uplink, @err: as for uplink_find().
 *
 * Return: as uplink_find().
 */
int uplink_choose(const struct interfaces *table, const char *ifname, struct uplink *uplink,
		  struct error *err);

#endif
