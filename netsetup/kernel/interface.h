// SPDX-License-Identifier: GPL-2.0-or-later
// Collects interfaces and IPv4 addresses from rtnetlink messages in a table.
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

/* The alias of our taps, ip-link(8). */
#define INTERFACE_ALIAS "vmrun"

/* A longer kind ("bridge", "tun") counts as none: netsetup compares with short ones only. */
#define KIND_SIZE 16

/**
 * struct interface - a network interface.
 * @ifname: any octets that the kernel allows; not necessarily ifname_valid().
 * @flags: IFF_*.
 * @type: ARPHRD_*.
 * @mtu: bytes.
 * @master: ifindex of the bridge, bond or VRF of which it is a port, or 0.
 * @kind: "bridge", "veth", ...; empty for hardware.
 * @ours: true if its alias has INTERFACE_ALIAS, as our taps have.
 * @carrier_changes: times that it has lost or found its carrier.
 * @mac: zero if the hardware address does not have six octets.
 * @wireless: true for Wi-Fi; wireless_read() fills in this member and the next ones.
 * @wireless_type: enum nl80211_iftype; NL80211_IFTYPE_UNSPECIFIED if nl80211 does not list it.
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
	bool ours;
	uint32_t carrier_changes;
	struct ether_addr mac;
	bool wireless;
	unsigned int wireless_type;
	char ssid[SSID_TEXT_SIZE];
};

/**
 * struct interface_address - an IPv4 address of an interface.
 * @scope: RT_SCOPE_*.
 * @flags: IFA_F_*.
 * @peer: true if the address has a peer (point-to-point).
 * @broadcast: that was configured; 0.0.0.0 if none was.
 */
struct interface_address {
	unsigned int ifindex;
	struct prefix prefix;
	unsigned int scope;
	uint32_t flags;
	bool peer;
	struct in_addr broadcast;
};

/**
 * struct default_route - one next hop of a default route of the main table.
 * @ifindex: 0 until route_resolve() has looked up @nexthop.
 * @router: address of the next hop; 0.0.0.0 if there is none or it is not an IPv4 address.
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
 * struct interfaces - tables of interfaces, addresses and routes; all zero is empty.
 * @links: in the kernel's order.
 * @addresses: in the kernel's order: the first address of an interface is its oldest.
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

/* interface_table_done() - free the content of a table and make it empty. */
void interface_table_done(struct interfaces *table);

#define cleanup_interfaces __attribute__((cleanup(interface_table_done)))

/* interface_by_index(), interface_by_name() - return the interface or NULL. */
struct interface *interface_by_index(const struct interfaces *table, unsigned int ifindex);
struct interface *interface_by_name(const struct interfaces *table, const char *ifname);

/**
 * interface_add_link(), interface_add_address() - add the link or IPv4 address of one message of a
 * dump (a netlink_parse_fn). Messages of other types and families add nothing.
 * @header: RTM_NEWLINK or RTM_NEWADDR.
 * @table: struct interfaces.
 *
 * Return: 0, -EBADMSG if the message is malformed, or -ENOMEM.
 */
int interface_add_link(struct nlmsghdr *header, void *table);
int interface_add_address(struct nlmsghdr *header, void *table);

/**
 * interface_grow() - make room for one more element in an array.
 * @array: from this function; may be NULL.
 * @count: number of its elements.
 * @size: bytes of an element.
 *
 * Return: the array, perhaps moved; or NULL, then the caller still owns @array.
 */
void *interface_grow(void *array, size_t count, size_t size);

#endif
