// SPDX-License-Identifier: GPL-2.0-or-later
// Verifies the uplink that a client has chosen.
#ifndef NETSETUP_SERVICE_UPLINK_CHECK_H
#define NETSETUP_SERVICE_UPLINK_CHECK_H

#include <net/ethernet.h>
#include <net/if.h>

#include "netsetup/base/error.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/host/host.h"
#include "netsetup/kernel/interface.h"

/* Most subnets of an uplink that its guests reach without the router. */
#define UPLINK_SUBNETS_MAX 8

/**
 * struct uplink_facts - a verified uplink, as the kernel reports it.
 * @mac: its current hardware address.
 * @prefix: the host's address on it and the length of the subnet's prefix, 1..30.
 * @subnets: of all usable addresses of it, @subnet_count.
 * @router: next hop of its best default route, or 0.0.0.0.
 * @has_default: true if it has a default route.
 * @mtu: bytes.
 * @host: hash of the uplink's name, MAC and MTU and of all addresses of the host.
 * @carrier_changes: the kernel's count of lost and found carriers.
 */
struct uplink_facts {
	char ifname[IFNAMSIZ];
	unsigned int ifindex;
	struct ether_addr mac;
	struct prefix prefix;
	struct prefix subnets[UPLINK_SUBNETS_MAX];
	size_t subnet_count;
	struct in_addr router;
	bool has_default;
	unsigned int mtu;
	uint64_t host;
	uint32_t carrier_changes;
};

/**
 * uplink_check() - verify that an interface can connect a VM to the LAN: it is up and has carrier,
 * is an Ethernet with ARP, no port of another device, no tunnel and no tap, and has the address.
 * @table: from network_dump().
 * @host: an address of it, of global scope, with a prefix of 1 to 30 bits.
 *
 * Return: 0 or -ENODEV.
 */
int uplink_check(const struct interfaces *table, unsigned int ifindex, struct in_addr host,
		 struct uplink_facts *facts, struct error *err);

/* uplink_check_id() - name and index of a verified uplink. */
struct interface_id uplink_check_id(const struct uplink_facts *facts);

#endif
