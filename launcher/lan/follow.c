// SPDX-License-Identifier: GPL-2.0-or-later
// Decides where on the LAN a VM is, and which requests bring it there.
#include "launcher/lan/follow.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "launcher/yaml/scalar.h"
#include "netsetup/base/ipv4.h"

void follow_init(struct follow *follow, const struct network *network)
{
	*follow = (struct follow){ .network = network,
				   .withdrawn = true,
				   /* A guest that is configured in other ways as well may roam only
				    * once it has used DHCP. */
				   .roam = network->configure == CONFIGURE_DHCP };
}

__attribute__((format(printf, 3, 4))) static void set_state(struct follow *follow,
							    enum lan_state state,
							    const char *format, ...)
{
	va_list args;

	follow->place.state = state;
	va_start(args, format);
	vsnprintf(follow->place.reason, sizeof(follow->place.reason), format, args);
	va_end(args);
}

/* The guest can get another address, and its definition does not fix this one. */
static bool can_change_address(const struct follow *follow)
{
	return follow->roam && ipv4_unset(follow->network->address);
}

/* Returns true if the address is a host's in this subnet, and not this host's own. */
static bool address_fits(const struct follow *follow)
{
	return ipv4_prefix_host(&follow->uplink.prefix, follow->place.address) &&
	       !ipv4_equal(follow->place.address, follow->uplink.prefix.address);
}

/* The guest can reach the gateway of `gateway: ADDRESS` only inside the subnet. */
static int check_gateway(const struct network *network, const struct uplink *uplink,
			 struct error *err)
{
	char address[IPV4_TEXT_SIZE], subnet[IPV4_TEXT_SIZE];

	if (network->gateway_mode != GATEWAY_ADDRESS ||
	    ipv4_prefix_host(&uplink->prefix, network->gateway))
		return 0;
	return error_setf(err, STATUS_NETWORK, EADDRNOTAVAIL,
			  "gateway %s is not in %s, the subnet of uplink '%s'",
			  ipv4_text(network->gateway, address),
			  ipv4_prefix_text(&uplink->prefix, subnet), uplink->ifname);
}

int follow_check(const struct network *network, const struct uplink *uplink,
		 const struct in_addr *dns, unsigned int dns_count, struct error *err)
{
	const struct in_addr address = network->address;
	const char *owner = NULL;
	char text[IPV4_TEXT_SIZE];
	int ret;

	ret = check_gateway(network, uplink, err);
	/* The service checks the subnet. */
	if (ret < 0 || ipv4_unset(address) || !ipv4_prefix_host(&uplink->prefix, address))
		return ret;
	for (unsigned int i = 0; i < dns_count; i++)
		if (ipv4_equal(address, dns[i]))
			owner = "a DNS server's";
	if (network->gateway_mode == GATEWAY_ADDRESS && ipv4_equal(address, network->gateway))
		owner = "the gateway's";
	if (ipv4_equal(address, uplink->router))
		owner = "the router's";
	if (ipv4_equal(address, uplink->prefix.address))
		owner = "this host's";
	if (!owner)
		return 0;
	return error_setf(err, STATUS_NETWORK, EADDRINUSE, "address %s is %s",
			  ipv4_text(address, text), owner);
}

static struct in_addr guest_gateway(const struct follow *follow)
{
	switch (follow->network->gateway_mode) {
	case GATEWAY_ROUTER:
		break;
	case GATEWAY_HOST:
		return follow->uplink.prefix.address;
	case GATEWAY_ADDRESS:
		return follow->network->gateway;
	}
	/* This host sends it on to the router all the same. */
	if (!ipv4_unset(follow->uplink.router) &&
	    !ipv4_prefix_contains(&follow->uplink.prefix, follow->uplink.router))
		return follow->uplink.prefix.address;
	return follow->uplink.router;
}

static void fill_place(struct follow *follow)
{
	const struct uplink *uplink = &follow->uplink;
	struct lan_place *place = &follow->place;

	memcpy(place->uplink, uplink->ifname, sizeof(place->uplink));
	memcpy(place->ssid, uplink->ssid, sizeof(place->ssid));
	place->prefix_length = uplink->prefix.length;
	place->router = uplink->router;
	place->gateway = guest_gateway(follow);
	place->host = uplink->prefix.address;
	place->mtu = uplink->mtu;
	place->wireless = uplink->wireless;
}

/*
 * Returns true if two looks saw the same network by its numbers: the subnet, and the router and the
 * SSID if both know them. A router may be unknown because interfaces get their addresses before
 * their routes.
 */
static bool same_network(const struct uplink *a, const struct uplink *b)
{
	if (a->ifindex != b->ifindex || a->prefix.length != b->prefix.length ||
	    !ipv4_equal(ipv4_prefix_network(&a->prefix), ipv4_prefix_network(&b->prefix)))
		return false;
	if (!ipv4_unset(a->router) && !ipv4_unset(b->router) && !ipv4_equal(a->router, b->router))
		return false;
	return !a->ssid[0] || !b->ssid[0] || !strcmp(a->ssid, b->ssid);
}

static unsigned int withdraw(struct follow *follow)
{
	const unsigned int actions = follow->withdrawn ? 0 : FOLLOW_WITHDRAW;

	follow->withdrawn = true;
	return actions;
}

/* The guest's address cannot be used here, and the guest cannot get another one. */
static unsigned int set_elsewhere(struct follow *follow)
{
	const struct prefix network = { ipv4_prefix_network(&follow->uplink.prefix),
					follow->uplink.prefix.length };
	char address[IPV4_TEXT_SIZE], subnet[IPV4_TEXT_SIZE];

	ipv4_text(follow->place.address, address);
	if (ipv4_prefix_host(&follow->uplink.prefix, follow->place.address))
		set_state(follow, LAN_ELSEWHERE,
			  "the guest's address %s is fixed, and this host has it now", address);
	else
		set_state(follow, LAN_ELSEWHERE,
			  "the guest's address %s is fixed, and '%s' is in %s now; it works again "
			  "in its own network",
			  address, follow->uplink.ifname, ipv4_prefix_text(&network, subnet));
	return withdraw(follow);
}

unsigned int follow_find(struct follow *follow, const struct uplink *found, const char *reason)
{
	unsigned int actions = 0;
	struct in_addr router;
	bool same;

	follow->found = found != NULL;
	if (!found) {
		set_state(follow, LAN_AWAY, "%s", reason);
		return withdraw(follow);
	}
	same = same_network(&follow->uplink, found);
	/* The service must know that this may be another network, even with the same numbers. */
	if (!same)
		actions = withdraw(follow);
	router = follow->uplink.router;
	follow->uplink = *found;
	/* The LAN has its router even while this host has no route to it. */
	if (same && ipv4_unset(found->router))
		follow->uplink.router = router;
	fill_place(follow);
	if (!can_change_address(follow) && !ipv4_unset(follow->place.address) &&
	    !address_fits(follow))
		return actions | set_elsewhere(follow);
	follow->withdrawn = false;
	return actions | FOLLOW_MOVE;
}

static struct in_addr wanted_address(const struct follow *follow)
{
	const struct in_addr any = { INADDR_ANY };

	if (!ipv4_unset(follow->network->address))
		return follow->network->address;
	if (can_change_address(follow) && (!ipv4_unset(follow->contested) || !follow->conflict))
		return any;
	return follow->place.address;
}

/* Adds an address to a list that ends at the first 0.0.0.0, unless it is the VM's own. */
static void avoid(struct attach_record *attach, struct in_addr address)
{
	unsigned int i = 0;

	if (ipv4_unset(address) || ipv4_equal(address, attach->address))
		return;
	while (i < AVOIDED_MAX && !ipv4_unset(attach->avoided[i]) &&
	       !ipv4_equal(attach->avoided[i], address))
		i++;
	if (i < AVOIDED_MAX)
		attach->avoided[i] = address;
}

void follow_request(const struct follow *follow, const struct in_addr *dns, unsigned int dns_count,
		    struct attach_record *attach)
{
	attach->ifindex = follow->uplink.ifindex;
	attach->host = follow->uplink.prefix.address;
	attach->address = wanted_address(follow);
	attach->announce = follow->announce;
	/* A VM keeps the path that it was given. */
	if (follow->place.path != PATH_AUTO)
		attach->path = (uint8_t)follow->place.path;
	attach->host_routes = follow->network->gateway_mode == GATEWAY_HOST;
	attach->gateway = follow->uplink.router;
	if (follow->network->gateway_mode == GATEWAY_ADDRESS)
		attach->gateway = follow->network->gateway;
	memset(attach->avoided, 0, sizeof(attach->avoided));
	avoid(attach, follow->contested);
	avoid(attach, follow->uplink.router);
	if (follow->network->gateway_mode == GATEWAY_ADDRESS)
		avoid(attach, follow->network->gateway);
	for (unsigned int i = 0; i < dns_count; i++)
		avoid(attach, dns[i]);
}

static void set_on_lan(struct follow *follow, const char *reason)
{
	char address[IPV4_TEXT_SIZE], mac[ARP_MAC_TEXT_SIZE];

	if (follow->conflict)
		set_state(follow, LAN_CONFLICT, "%s also uses the guest's address %s",
			  scalar_mac_text(&follow->conflicting_host, mac),
			  ipv4_text(follow->place.address, address));
	else
		set_state(follow, LAN_UP, "%s", reason);
}

void follow_ready(struct follow *follow, const struct ready_record *ready)
{
	char address[IPV4_TEXT_SIZE], mac[ARP_MAC_TEXT_SIZE];
	char reason[sizeof(address) + sizeof(mac) + 16] = "";
	struct lan_place *place = &follow->place;

	follow->conflict = ipv4_equal(place->address, ready->address) &&
			   (follow->conflict || ipv4_equal(follow->contested, ready->address));
	if (!ipv4_unset(follow->contested))
		snprintf(reason, sizeof(reason), "%s insists on %s",
			 scalar_mac_text(&follow->conflicting_host, mac),
			 ipv4_text(follow->contested, address));
	place->address = ready->address;
	place->path = (enum network_path)ready->path;
	place->router_mac = ready->router_mac;
	place->access = (enum access_result)ready->access;
	memcpy(place->tap, ready->tap, sizeof(place->tap));
	follow->contested.s_addr = INADDR_ANY;
	follow->announce = false;
	follow->withdrawn = false;
	set_on_lan(follow, reason);
}

unsigned int follow_failed(struct follow *follow, const struct error *error, bool *retry)
{
	*retry = false;
	/* There is no other address for the guest: it keeps the contested one. */
	if (!ipv4_unset(follow->contested)) {
		follow->contested.s_addr = INADDR_ANY;
		follow->conflict = true;
		return FOLLOW_MOVE;
	}
	/* A subnet without a free address is not probed every second. */
	*retry = error->code != EACCES && error->status != STATUS_NETWORK;
	set_state(follow, LAN_AWAY, "%s", error->message);
	/* The policy may permit the network to which the host goes next. */
	return error->code == EACCES ? withdraw(follow) : 0;
}

unsigned int follow_conflict(struct follow *follow, const struct conflict_record *conflict,
			     uint64_t now)
{
	if (!ipv4_equal(conflict->address, follow->place.address) ||
	    (follow->place.state != LAN_UP && follow->place.state != LAN_CONFLICT))
		return 0;
	follow->conflicting_host = conflict->mac;
	follow->conflict_at = now;
	if (can_change_address(follow)) {
		follow->contested = conflict->address;
		return FOLLOW_MOVE;
	}
	follow->conflict = true;
	set_on_lan(follow, "");
	return 0;
}

bool follow_conflict_over(struct follow *follow, uint64_t now)
{
	if (!follow->conflict || now < follow->conflict_at + FOLLOW_CONFLICT_MS)
		return false;
	follow->conflict = false;
	follow->announce = true;
	return true;
}
