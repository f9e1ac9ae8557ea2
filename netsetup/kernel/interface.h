// SPDX-License-Identifier: GPL-2.0-or-later
// The host's interfaces with their IPv4 addresses and default routes, as the kernel tells them.
#ifndef NETSETUP_KERNEL_INTERFACE_H
#define NETSETUP_KERNEL_INTERFACE_H

#include <linux/netlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netsetup/base/ipv4.h"
#include "netsetup/base/printable.h"

/* Kinds ("bridge", "tun") that are longer than this concern nobody here. */
#define KIND_SIZE 16

/**
 * struct interface - a network interface.
 * @ifname: its name; any octets that the kernel allows, not yet ifname_valid().
 * @ifindex: its index.
 * @flags: IFF_*.
 * @type: ARPHRD_*.
 * @mtu: in bytes.
 * @master: ifindex of the bridge, bond or VRF that it belongs to, or 0.
 * @kind: "bridge", "veth", ...; empty for hardware.
 * @mac: its hardware address; zero when that is not of six octets.
 * @wireless: a Wi-Fi interface; this and what follows is filled in by wireless_read().
 * @wireless_type: enum nl80211_iftype; NL80211_IFTYPE_UNSPECIFIED when nl80211 does not know it.
 * @ssid: as in struct uplink.
 */
struct interface {
	char ifname[IFNAMSIZ];
	unsigned int ifindex;
	unsigned int flags;
	unsigned int type;
	unsigned int mtu;
	unsigned int master;
	char kind[KIND_SIZE];
	struct ether_addr mac;
	bool wireless;
	unsigned int wireless_type;
	char ssid[SSID_TEXT_SIZE];
};

/**
 * struct interface_address - an IPv4 address of an interface.
 * @ifindex: the interface.
 * @prefix: the address and its prefix's length.
 * @scope: RT_SCOPE_*.
 * @flags: IFA_F_*.
 * @peer: it is one end of a point-to-point pair of addresses.
 */
struct interface_address {
	unsigned int ifindex;
	struct prefix prefix;
	unsigned int scope;
	uint32_t flags;
	bool peer;
};

/**
 * struct default_route - a way that a default route of the main table goes.
 * @ifindex: the interface; 0 while only @nexthop tells the way.
 * @router: the next hop; 0.0.0.0 when it has none or one that is no IPv4 address.
 * @metric: lower is better.
 * @nexthop: id of a nexthop object, or 0.
 */
struct default_route {
	unsigned int ifindex;
	struct in_addr router;
	uint32_t metric;
	uint32_t nexthop;
};

/**
 * struct interfaces - what the kernel told; all zero is empty.
 * @links: the interfaces, in the order of the kernel; @link_count of them.
 * @addresses: in the kernel's order, so that an interface's first one is its oldest.
 * @routes: one for each next hop of each default route.
 */
struct interfaces {
	struct interface *links;
	size_t link_count;
	struct interface_address *addresses;
	size_t address_count;
	struct default_route *routes;
	size_t route_count;
};

/* interfaces_done() - free what a table holds and make it empty. */
void interfaces_done(struct interfaces *table);

#define cleanup_interfaces __attribute__((cleanup(interfaces_done)))

/* interfaces_by_index(), interfaces_by_name() - the interface, or NULL. */
struct interface *interfaces_by_index(const struct interfaces *table, unsigned int ifindex);
struct interface *interfaces_by_name(const struct interfaces *table, const char *ifname);

/**
 * interfaces_add_link(), interfaces_add_address() - add the link or address of one message of a
 * dump; a message of another type, or of no interest, adds nothing.
 * @header: RTM_NEWLINK or RTM_NEWADDR, as an nl_parse_fn gets it.
 * @table: struct interfaces.
 *
 * Return: 0, -EBADMSG when the message is malformed, or -ENOMEM.
 */
int interfaces_add_link(struct nlmsghdr *header, void *table);
int interfaces_add_address(struct nlmsghdr *header, void *table);

/**
 * interfaces_grow() - room for one element more in an array.
 * @array: from this function, or NULL.
 * @count: elements that it has.
 * @size: of one.
 *
 * Return: the array, perhaps at another place, or NULL (then @array is still there).
 */
void *interfaces_grow(void *array, size_t count, size_t size);

#endif
