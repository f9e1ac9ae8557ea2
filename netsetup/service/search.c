// SPDX-License-Identifier: GPL-2.0-or-later
// Searches a free address for a VM, in batches that the worker probes.
#include "netsetup/service/search.h"

#include <errno.h>
#include <string.h>

#include "netsetup/host/foreign_routes.h"
#include "netsetup/kernel/arp.h"
#include "netsetup/kernel/query.h"

/* Size of the first batch, and the number of probed addresses after which the subnet is full. */
#define BATCH_FIRST 1
#define PROBED_MAX  1024

static const struct ether_addr unknown;

/* Names the owner of an address that this VM must not have; NULL if there is none. */
static const char *owner_of(const struct search_context *context, struct in_addr address)
{
	const char *owner = known_hosts_owner(context->hosts, address);

	if (!owner && ipv4_equal(address, context->uplink->router))
		owner = "the router's";
	for (size_t i = 0; !owner && i < AVOIDED_MAX; i++)
		if (ipv4_equal(address, context->attach->avoided[i]))
			owner = "another machine's";
	return owner;
}

static int check_authorization(const struct search_context *context, struct in_addr address,
			       struct error *err)
{
	struct request request = context->request;

	request.address = address;
	return authorize_check(context->authorization, &request, err);
}

static bool permitted(const struct search_context *context, struct in_addr address)
{
	struct error ignored;

	return check_authorization(context, address, &ignored) == 0;
}

/*
 * True if this host has its own way to the address, such as a VPN to a part of the subnet. The VM's
 * own route does not count. A way to the whole subnet or more, as a second link into the same LAN
 * or a VPN for everything has, says nothing about the address.
 *
 * Threat: a permitted user takes the address of a host that the kernel would reach elsewhere, whose
 * traffic would then come to the VM. For such users each other way counts. Test:
 * test_addresses_never_given in tests/lab/security/test_attacks.py.
 */
static bool leaves_elsewhere(const struct search_context *context, struct in_addr address)
{
	unsigned int ifindex, length;

	return context->route && query_lookup(context->route, address, &ifindex, &length) == 0 &&
	       ifindex && ifindex != context->uplink->ifindex && ifindex != context->tap_ifindex &&
	       (context->authorization || length > context->uplink->prefix.length);
}

static void batch_add(struct search *search, struct in_addr address)
{
	search->batch[search->batch_size++] = (struct probe){ .address = address };
}

/*
 * Some routers and clients take .0 and .255 for the network and the broadcast address of a /24, in
 * a larger subnet as well. They are left to ranges that the user has named.
 */
static bool looks_like_broadcast(const struct search_context *context, struct in_addr address)
{
	const uint32_t last = ntohl(address.s_addr) & 0xff;

	return ipv4_unset(context->attach->range_first) && (last == 0 || last == 0xff);
}

static bool usable(const struct search_context *context, struct in_addr address)
{
	return !looks_like_broadcast(context, address) && !owner_of(context, address) &&
	       !known_hosts_seen(context->hosts, address) &&
	       !address_set_has(context->in_use, address) && permitted(context, address) &&
	       !leaves_elsewhere(context, address);
}

/* Fills the batch with the remembered address alone, or with the next candidates. */
static void fill_batch(struct search *search, const struct search_context *context)
{
	struct in_addr address;

	search->batch_size = 0;
	search->kind = context->attach->probe == PROBE_STRICT ? PROBE_OF_STRICT : PROBE_OF_NEW;
	if (search->try_remembered) {
		search->try_remembered = false;
		if (search->kind == PROBE_OF_NEW && search->here)
			search->kind = PROBE_OF_REMEMBERED;
		batch_add(search, search->remembered);
		return;
	}
	while (search->batch_size < search->size && candidate_next(&search->candidates, &address))
		if (usable(context, address))
			batch_add(search, address);
	search->size = search->size * 4 < PROBE_BATCH_MAX ? search->size * 4 : PROBE_BATCH_MAX;
}

static struct prefix subnet_of(const struct search_context *context)
{
	const struct prefix *prefix = &context->uplink->prefix;

	return (struct prefix){ ipv4_prefix_network(prefix), prefix->length };
}

static int fail_subnet(const struct search_context *context, struct error *err)
{
	const struct prefix subnet = subnet_of(context);
	char address[IPV4_TEXT_SIZE], network[IPV4_TEXT_SIZE];

	error_setf(err, STATUS_NETWORK, EADDRNOTAVAIL,
		   "address %s is not a host's address in %s, the subnet of uplink '%s'",
		   ipv4_text(context->attach->address, address), ipv4_prefix_text(&subnet, network),
		   context->uplink->ifname);
	error_remedy(err, "choose one of that subnet, or 'address: auto'");
	return -EADDRNOTAVAIL;
}

/*
 * Threat: a permitted user fixes the address of a host that is off for a moment. The neighbour
 * table knows it, and only a user who may leave out probes gets it.
 */
static int check_neighbour(const struct search_context *context, struct error *err)
{
	const struct in_addr address = context->attach->address;
	struct request request = context->request;
	struct error ignored;
	char text[IPV4_TEXT_SIZE];

	request.unprobed = true;
	request.address = address;
	if (!context->authorization || !known_hosts_seen(context->hosts, address) ||
	    authorize_check(context->authorization, &request, &ignored) == 0)
		return 0;
	error_setf(err, STATUS_NETWORK, EADDRINUSE,
		   "address %s is a neighbour's: this host has its hardware address",
		   ipv4_text(address, text));
	error_remedy(err, "choose another, or 'address: auto'");
	return -EADDRINUSE;
}

static int begin_fixed(struct search *search, const struct search_context *context,
		       struct error *err)
{
	const struct in_addr address = context->attach->address;
	const char *owner = owner_of(context, address);
	char text[IPV4_TEXT_SIZE];
	int ret;

	ipv4_text(address, text);
	if (!ipv4_prefix_host(&context->uplink->prefix, address))
		return fail_subnet(context, err);
	if (owner)
		return error_setf(err, STATUS_NETWORK, EADDRINUSE, "address %s is %s", text, owner);
	ret = foreign_routes_check(context->route, context->uplink->ifindex, address, err);
	if (ret == 0)
		ret = check_authorization(context, address, err);
	if (ret == 0)
		ret = check_neighbour(context, err);
	if (ret < 0)
		return ret;
	if (address_set_has(context->in_use, address))
		return error_setf(err, STATUS_NETWORK, EADDRINUSE,
				  "address %s is in use by another VM of this host", text);
	if (leaves_elsewhere(context, address))
		return error_setf(err, STATUS_NETWORK, EADDRINUSE,
				  "address %s is reached by another interface than '%s'", text,
				  context->uplink->ifname);
	search->kind = context->attach->probe == PROBE_STRICT ? PROBE_OF_STRICT : PROBE_OF_NEW;
	if (search->kind == PROBE_OF_NEW && search->here && ipv4_equal(address, search->remembered))
		search->kind = PROBE_OF_REMEMBERED;
	batch_add(search, address);
	return 0;
}

static bool mac_equal(const struct ether_addr *a, const struct ether_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static bool on_subnet(const struct search_context *context, size_t i)
{
	return ipv4_prefix_host(&context->uplink->prefix, context->attach->remembered[i]);
}

/* Finds the first remembered address of this subnet whose network had this router. */
static bool find_of_router(const struct search_context *context, const struct ether_addr *router,
			   struct in_addr *address)
{
	for (size_t i = 0; i < REMEMBERED_MAX; i++) {
		if (!on_subnet(context, i) ||
		    !mac_equal(&context->attach->remembered_routers[i], router))
			continue;
		*address = context->attach->remembered[i];
		return true;
	}
	return false;
}

/*
 * Finds the address that this VM last had in this network, which the router's hardware address
 * shows, or in an unknown one. Without any, one of another network on a subnet of these numbers is
 * as good as a new one, and is probed as such.
 */
static void find_remembered(struct search *search, const struct search_context *context)
{
	const bool router_known = !mac_equal(&context->router_mac, &unknown);

	search->here = router_known &&
		       (find_of_router(context, &context->router_mac, &search->remembered) ||
			find_of_router(context, &unknown, &search->remembered));
	for (size_t i = 0; !search->here && i < REMEMBERED_MAX; i++) {
		if (!on_subnet(context, i))
			continue;
		search->remembered = context->attach->remembered[i];
		search->here = !router_known;
		return;
	}
}

bool search_needs_router(const struct search_context *context)
{
	const struct ether_addr *routers = context->attach->remembered_routers, *first = NULL;

	if (!ipv4_unset(context->attach->address) || ipv4_unset(context->uplink->router) ||
	    !mac_equal(&context->router_mac, &unknown) || search_unprobed(context))
		return false;
	for (size_t i = 0; i < REMEMBERED_MAX; i++) {
		if (!on_subnet(context, i))
			continue;
		if (first && !mac_equal(first, &routers[i]))
			return true;
		first = &routers[i];
	}
	return false;
}

static bool remembered_usable(const struct search *search, const struct search_context *context)
{
	const struct attach_record *attach = context->attach;
	const uint32_t address = ntohl(search->remembered.s_addr);

	if (ipv4_unset(search->remembered) || owner_of(context, search->remembered) ||
	    address_set_has(context->in_use, search->remembered) ||
	    !permitted(context, search->remembered) ||
	    leaves_elsewhere(context, search->remembered))
		return false;
	/* The client's word that it had the address proves nothing. */
	if (context->authorization ? known_hosts_seen(context->hosts, search->remembered)
				   : address_set_has(&context->hosts->foreign, search->remembered))
		return false;
	return ipv4_unset(attach->range_first) || (address >= ntohl(attach->range_first.s_addr) &&
						   address <= ntohl(attach->range_last.s_addr));
}

static int fail_none_permitted(const struct search_context *context, struct error *err)
{
	const struct prefix subnet = subnet_of(context);
	char network[IPV4_TEXT_SIZE];

	error_setf(err, STATUS_PERMISSION, EACCES,
		   "user '%s' is not permitted to use any address %sin %s on '%s'",
		   context->authorization->name,
		   ipv4_unset(context->attach->range_first) ? "" : "of the range ",
		   ipv4_prefix_text(&subnet, network), context->uplink->ifname);
	error_remedy(err, "read the permitted addresses in '%s'", context->authorization->path);
	return -EACCES;
}

static int fail_range(const struct search_context *context, struct error *err)
{
	const struct prefix subnet = subnet_of(context);
	char network[IPV4_TEXT_SIZE], first[IPV4_TEXT_SIZE], last[IPV4_TEXT_SIZE];

	error_setf(err, STATUS_NETWORK, EADDRNOTAVAIL,
		   "range %s-%s has no host's address in %s, the subnet of uplink '%s'",
		   ipv4_text(context->attach->range_first, first),
		   ipv4_text(context->attach->range_last, last), ipv4_prefix_text(&subnet, network),
		   context->uplink->ifname);
	error_remedy(err, "choose a part of that subnet, or 'range: auto'");
	return -EADDRNOTAVAIL;
}

static int fail_none_free(const struct search *search, const struct search_context *context,
			  struct error *err)
{
	const struct attach_record *attach = context->attach;
	const struct prefix subnet = subnet_of(context);
	char network[IPV4_TEXT_SIZE], first[IPV4_TEXT_SIZE], last[IPV4_TEXT_SIZE];

	ipv4_prefix_text(&subnet, network);
	if (ipv4_unset(attach->range_first))
		return error_setf(err, STATUS_NETWORK, EADDRNOTAVAIL,
				  "no free address in %s on '%s': %u probed, all in use", network,
				  context->uplink->ifname, search->probed);
	return error_setf(err, STATUS_NETWORK, EADDRNOTAVAIL,
			  "no free address from %s to %s in %s on '%s': %u probed, all in use",
			  ipv4_text(attach->range_first, first),
			  ipv4_text(attach->range_last, last), network, context->uplink->ifname,
			  search->probed);
}

/* Starts the candidates: the range of the request, narrowed to the permitted addresses. */
static int start_candidates(struct search *search, const struct search_context *context,
			    struct error *err)
{
	const struct attach_record *attach = context->attach;
	const struct prefix *subnet = &context->uplink->prefix;
	struct in_addr first = ipv4_prefix_network(subnet), last = ipv4_prefix_broadcast(subnet);
	int ret = check_authorization(context, (struct in_addr){ INADDR_ANY }, err);

	if (ret < 0)
		return ret;
	if (!candidate_init(&search->candidates, subnet, attach->range_first, attach->range_last,
			    attach->uuid, attach->card))
		return fail_range(context, err);
	if (!context->authorization)
		return 0;
	if (!ipv4_unset(attach->range_first)) {
		first = attach->range_first;
		last = attach->range_last;
	}
	if (!authorize_bounds(context->authorization, &context->request, &first, &last) ||
	    !candidate_init(&search->candidates, subnet, first, last, attach->uuid, attach->card))
		return fail_none_permitted(context, err);
	return 0;
}

int search_begin(struct search *search, const struct search_context *context, struct error *err)
{
	int ret;

	*search = (struct search){ .size = BATCH_FIRST,
				   .fixed = !ipv4_unset(context->attach->address) };
	find_remembered(search, context);
	if (search->fixed)
		return begin_fixed(search, context, err);
	ret = start_candidates(search, context, err);
	if (ret < 0)
		return ret;
	search->try_remembered = remembered_usable(search, context);
	fill_batch(search, context);
	return search->batch_size ? 0 : fail_none_free(search, context, err);
}

bool search_unprobed(const struct search_context *context)
{
	return context->attach->probe == PROBE_NONE || context->attach->dry_run;
}

static int fail_taken(const struct search *search, const struct search_context *context,
		      struct error *err)
{
	char text[IPV4_TEXT_SIZE], mac[ARP_MAC_TEXT_SIZE];

	error_setf(err, STATUS_NETWORK, EADDRINUSE, "address %s is in use by %s on '%s'",
		   ipv4_text(search->batch[0].address, text),
		   arp_mac_text(&search->batch[0].mac, mac), context->uplink->ifname);
	error_remedy(err, "choose another, or 'address: auto'");
	return -EADDRINUSE;
}

int search_continue(struct search *search, const struct search_context *context,
		    struct in_addr *address, struct error *err)
{
	for (size_t i = 0; i < search->batch_size; i++) {
		if (search->batch[i].taken)
			continue;
		*address = search->batch[i].address;
		return 1;
	}
	if (search->fixed)
		return fail_taken(search, context, err);
	search->probed += (unsigned int)search->batch_size;
	if (search->probed < PROBED_MAX)
		fill_batch(search, context);
	if (search->probed >= PROBED_MAX || search->batch_size == 0)
		return fail_none_free(search, context, err);
	return 0;
}
