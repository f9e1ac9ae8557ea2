// SPDX-License-Identifier: GPL-2.0-or-later
// Verifies the uplink that a client has chosen.
#include "netsetup/service/uplink_check.h"

#include <errno.h>
#include <string.h>

#include "netsetup/base/printable.h"
#include "netsetup/kernel/refusal.h"

static int refuse(const struct interface *link, const char *reason, struct error *err)
{
	char name[PRINTABLE_SIZE(IFNAMSIZ)];

	return error_setf(err, STATUS_NETWORK, ENODEV, "cannot use uplink '%s': %s",
			  printable(link->ifname, strnlen(link->ifname, IFNAMSIZ), name), reason);
}

static const struct interface_address *find_address(const struct interfaces *table,
						    unsigned int ifindex, struct in_addr host)
{
	for (size_t i = 0; i < table->address_count; i++) {
		const struct interface_address *address = &table->addresses[i];

		if (address->ifindex == ifindex && ipv4_equal(address->prefix.address, host) &&
		    !refusal_address(address))
			return address;
	}
	return NULL;
}

static bool has_subnet(const struct uplink_facts *facts, const struct prefix *subnet)
{
	for (size_t i = 0; i < facts->subnet_count; i++)
		if (facts->subnets[i].length == subnet->length &&
		    ipv4_equal(facts->subnets[i].address, subnet->address))
			return true;
	return false;
}

static void add_subnets(const struct interfaces *table, struct uplink_facts *facts)
{
	for (size_t i = 0; i < table->address_count; i++) {
		const struct interface_address *address = &table->addresses[i];
		const struct prefix subnet = { ipv4_prefix_network(&address->prefix),
					       address->prefix.length };

		if (address->ifindex != facts->ifindex || refusal_address(address) ||
		    facts->subnet_count == UPLINK_SUBNETS_MAX || has_subnet(facts, &subnet))
			continue;
		facts->subnets[facts->subnet_count++] = subnet;
	}
}

/* The default route with the lowest metric that leaves through the interface, or NULL. */
static const struct default_route *find_route(const struct interfaces *table, unsigned int ifindex)
{
	const struct default_route *best = NULL;

	for (size_t i = 0; i < table->route_count; i++) {
		const struct default_route *route = &table->routes[i];

		if (route->ifindex == ifindex && (!best || route->metric < best->metric))
			best = route;
	}
	return best;
}

/*
 * Threat: a client names an interface that carries no VM, such as a tunnel, a bridge's port or the
 * tap of another user's VM. Each property is the kernel's, none the client's. Test: test_uplink in
 * tests/lab/security/test_hostile_caller.py.
 */
/* FNV-1a, 64 bits. */
static uint64_t hash_add(uint64_t hash, const void *data, size_t size)
{
	const uint8_t *octets = data;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ octets[i]) * 0x100000001b3u;
	return hash;
}

static uint64_t hash_host(const struct interfaces *table, const struct interface *link)
{
	uint64_t hash = 0xcbf29ce484222325u;

	hash = hash_add(hash, link->ifname, sizeof(link->ifname));
	hash = hash_add(hash, &link->mac, sizeof(link->mac));
	hash = hash_add(hash, &link->mtu, sizeof(link->mtu));
	for (size_t i = 0; i < table->address_count; i++) {
		const struct interface_address *address = &table->addresses[i];

		hash = hash_add(hash, &address->ifindex, sizeof(address->ifindex));
		hash = hash_add(hash, &address->prefix, sizeof(address->prefix));
	}
	return hash;
}

int uplink_check(const struct interfaces *table, unsigned int ifindex, struct in_addr host,
		 struct uplink_facts *facts, struct error *err)
{
	const struct interface *link = interface_by_index(table, ifindex);
	const struct interface_address *address;
	const struct interface *master;
	const struct default_route *route;
	const char *reason;

	if (!link)
		return error_setf(err, STATUS_NETWORK, ENODEV, "the uplink does not exist");
	reason = refusal_link(link);
	master = refusal_master(table, link);
	if (!reason && master)
		reason = refusal_is_vrf(master) ? "in a VRF" : "a port of another interface";
	if (!reason)
		reason = refusal_state(link);
	if (reason)
		return refuse(link, reason, err);
	address = find_address(table, ifindex, host);
	if (!address)
		return refuse(link, "it does not have the given address", err);
	route = find_route(table, ifindex);
	*facts = (struct uplink_facts){ .ifindex = ifindex,
					.mac = link->mac,
					.prefix = address->prefix,
					.has_default = route != NULL,
					.mtu = link->mtu,
					.host = hash_host(table, link),
					.carrier_changes = link->carrier_changes };
	if (route)
		facts->router = route->router;
	add_subnets(table, facts);
	memcpy(facts->ifname, link->ifname, sizeof(facts->ifname));
	return 0;
}

struct interface_id uplink_check_id(const struct uplink_facts *facts)
{
	return (struct interface_id){ facts->ifname, facts->ifindex };
}
