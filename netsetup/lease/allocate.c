// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the VM an address that nobody uses, and takes its lease.
#include "netsetup/lease/allocate.h"

#include <errno.h>
#include <ifaddrs.h>
#include <string.h>

#include "netsetup/base/address_set.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/host/foreign_routes.h"
#include "netsetup/kernel/arp.h"
#include "netsetup/kernel/neighbour.h"
#include "netsetup/lease/candidate.h"
#include "netsetup/lease/lease_dir.h"
#include "netsetup/lease/lease_stale.h"
#include "netsetup/lease/probe.h"
#include "netsetup/policy/authorize.h"

/* How many addresses are probed at once, and how many in all before the subnet is called full. */
#define BATCH_FIRST 4
#define PROBED_MAX  1024

/* One search for an address. */
struct search {
	const struct setup_record *setup;
	const struct uplink *uplink;
	struct host *host;
	struct lease *lease;
	struct wish wish;     /* as far as the policy is concerned */
	struct in_addr rival; /* somebody else's, whether it answers or not */
	struct candidates candidates;
	struct in_addr remembered; /* had here last time, or 0.0.0.0 */
	bool try_remembered;       /* it has yet to be tried */
	struct addrset local;      /* this host's own addresses */
	unsigned int probed;
	struct probe batch[PROBE_BATCH_MAX];
	size_t batch_size;
};

/* Whose the address is already, by what needs no packet; NULL when nobody's. */
static const char *reserved_for(struct search *search, struct in_addr address)
{
	const struct setup_record *setup = search->setup;

	if (addrset_has(&search->local, address))
		return "this host's";
	if (!ipv4_unset(search->rival) && ipv4_equal(address, search->rival))
		return "another machine's";
	if (ipv4_equal(address, search->uplink->router))
		return "the router's";
	if (setup->gateway_mode == GATEWAY_ADDRESS && ipv4_equal(address, setup->gateway))
		return "the gateway's";
	for (unsigned int i = 0; i < setup->dns_count; i++)
		if (ipv4_equal(address, setup->dns[i]))
			return "a DNS server's";
	return NULL;
}

/* All of this host's addresses: a probe does not come back to the interface that sent it. */
static int list_local(struct addrset *local, struct error *err)
{
	struct ifaddrs *list;

	if (getifaddrs(&list) < 0)
		return error_set(err, errno, "cannot list this host's addresses");
	for (const struct ifaddrs *entry = list; entry; entry = entry->ifa_next) {
		struct sockaddr_in address;

		if (!entry->ifa_addr || entry->ifa_addr->sa_family != AF_INET)
			continue;
		memcpy(&address, entry->ifa_addr, sizeof(address));
		addrset_add(local, address.sin_addr);
	}
	freeifaddrs(list);
	return local->failed ? error_set(err, ENOMEM, "cannot list this host's addresses") : 0;
}

/*
 * The addresses of live leases but our own, and, when @neighbours, those of the neighbours and those
 * that have a route of somebody else's; how many of the leases are the same user's.
 */
static int list_taken(struct search *search, int dir, bool neighbours, struct addrset *taken,
		      struct error *err)
{
	cleanup_free struct found_lease *leases = NULL;
	size_t count = 0;
	int rc;

	rc = dir < 0 ? 0 : lease_list(dir, &leases, &count, err);
	if (rc < 0)
		return rc;
	search->wish.vms = 0;
	for (size_t i = 0; i < count; i++) {
		const struct lease_record *record = &leases[i].record;

		if (!strcmp(record->name, search->setup->name) || !lease_in_use(&leases[i]))
			continue;
		search->wish.vms += record->owner == search->lease->record.owner;
		for (uint32_t a = 0; a < record->address_count; a++)
			addrset_add(taken, record->addresses[a]);
	}
	if (neighbours)
		rc = neighbour_list(search->host->route, search->uplink->ifindex, taken, err);
	if (neighbours && rc == 0 && !search->lease->adopted)
		rc = foreign_list(search->host->route, search->uplink->ifindex, taken, err);
	if (rc == 0 && taken->failed)
		rc = error_set(err, ENOMEM, "cannot list the addresses in use");
	return rc;
}

/* Whether the asker may have the address; without one, may have one at all. */
static int check_permit(const struct search *search, struct in_addr address, struct error *err)
{
	struct wish wish = search->wish;

	wish.address = address;
	return permit_check(search->host->permit, &wish, err);
}

static bool permitted(const struct search *search, struct in_addr address)
{
	struct error ignored;

	return check_permit(search, address, &ignored) == 0;
}

static void batch_add(struct search *search, struct in_addr address)
{
	search->batch[search->batch_size++] = (struct probe){ .address = address };
}

/* The remembered address alone, or the next ones of the walk. */
static void fill_batch(struct search *search, size_t size, struct addrset *taken)
{
	struct in_addr address;

	search->batch_size = 0;
	if (search->try_remembered && !addrset_has(taken, search->remembered)) {
		batch_add(search, search->remembered);
		return;
	}
	search->try_remembered = false;
	while (search->batch_size < size && candidates_next(&search->candidates, &address))
		if (!reserved_for(search, address) && !addrset_has(taken, address) &&
		    permitted(search, address))
			batch_add(search, address);
}

/* Writes what is going to be probed, or was found free, into our lease. */
static int write_lease(struct search *search, int dir, struct error *err)
{
	struct lease_record *record = &search->lease->record;

	if (dir < 0)
		return 0;
	record->address_count = (uint32_t)search->batch_size;
	for (size_t i = 0; i < search->batch_size; i++)
		record->addresses[i] = search->batch[i].address;
	if (search->lease->fd < 0)
		return lease_take(dir, search->lease, err);
	return lease_update(dir, search->lease, err);
}

/* In a dry run the directory need not be there, nor may we need to be allowed to open it. */
static int lock_rundir(struct search *search, struct error *err)
{
	int dir = rundir_lock(!search->host->dry_run, err);

	if (dir < 0 && search->host->dry_run && (dir == -ENOENT || dir == -EACCES))
		return -ENOENT;
	return dir;
}

/* Under the lock: sweeps, chooses up to @size addresses that no other lease has, claims them. */
static int claim(struct search *search, size_t size, struct error *err)
{
	struct addrset taken = { 0 };
	const bool fixed = !ipv4_unset(search->setup->address);
	int dir;
	int rc;

	dir = lock_rundir(search, err);
	if (dir < 0 && dir != -ENOENT)
		return dir;
	/* What cannot be swept does not keep this VM from starting; vmrun clean tells of it. */
	if (dir >= 0 && !search->host->dry_run && search->lease->fd < 0)
		lease_stale_remove(dir, search->host, err);
	rc = list_taken(search, dir, !fixed, &taken, err);
	if (rc == 0)
		rc = check_permit(search, search->setup->address, err);
	if (rc == 0 && fixed) {
		search->batch_size = 0;
		if (!addrset_has(&taken, search->setup->address))
			batch_add(search, search->setup->address);
	} else if (rc == 0) {
		fill_batch(search, size, &taken);
	}
	if (rc == 0 && !search->host->dry_run)
		rc = write_lease(search, dir, err);
	rundir_unlock(dir);
	addrset_done(&taken);
	return rc;
}

static int probe_batch(struct search *search, struct error *err)
{
	struct probe_timing timing = probe_new;
	int rc;

	/* No socket: a dry run, which shows what would be tried first. */
	if (search->setup->probe == PROBE_NONE || search->host->arp < 0 || search->lease->adopted)
		return 0;
	if (search->setup->probe == PROBE_STRICT)
		timing = probe_strict;
	else if (search->batch_size == 1 &&
		 ipv4_equal(search->batch[0].address, search->remembered))
		timing = probe_remembered;
	timing.asker = search->host->asker;
	rc = probe_run(search->host->arp, search->uplink->ifindex, &search->uplink->mac, &timing,
		       search->batch, search->batch_size, err);
	if (rc < 0)
		error_context(err, "cannot probe for addresses on '%s'", search->uplink->ifname);
	return rc;
}

/* Keeps the first address of the batch that nobody answered for; false when there is none. */
static bool keep_free(struct search *search)
{
	for (size_t i = 0; i < search->batch_size; i++) {
		if (search->batch[i].taken)
			continue;
		search->batch[0] = search->batch[i];
		search->batch_size = 1;
		return true;
	}
	return false;
}

static int settle(struct search *search, struct error *err)
{
	int dir;
	int rc;

	search->lease->record.addresses[0] = search->batch[0].address;
	search->lease->record.address_count = 1;
	if (search->host->dry_run)
		return 0;
	dir = rundir_lock(true, err);
	if (dir < 0)
		return dir;
	rc = write_lease(search, dir, err);
	rundir_unlock(dir);
	return rc;
}

static int not_of_subnet(const struct search *search, struct error *err)
{
	const struct prefix subnet = { prefix_network(&search->uplink->prefix),
				       search->uplink->prefix.length };
	char address[IPV4_TEXT_SIZE], network[IPV4_TEXT_SIZE];

	error_say(err, STATUS_NETWORK, EADDRNOTAVAIL,
		  "address %s is not a host's address in %s, the subnet of uplink '%s'",
		  ipv4_text(search->setup->address, address), prefix_text(&subnet, network),
		  search->uplink->ifname);
	error_remedy(err, "choose one of that subnet, or 'address: auto'");
	return -EADDRNOTAVAIL;
}

static int allocate_fixed(struct search *search, struct error *err)
{
	const struct in_addr address = search->setup->address;
	const char *owner = reserved_for(search, address);
	char text[IPV4_TEXT_SIZE], mac[MAC_TEXT_SIZE];
	int rc;

	ipv4_text(address, text);
	if (!prefix_host(&search->uplink->prefix, address))
		return not_of_subnet(search, err);
	if (owner)
		return error_say(err, STATUS_NETWORK, EADDRINUSE, "address %s is %s", text, owner);
	/* What others have made for an address that this VM has by now does not take it away. */
	rc = search->lease->adopted
		     ? 0
		     : foreign_check(search->host->route, search->uplink->ifindex, address, err);
	if (rc == 0)
		rc = claim(search, 1, err);
	if (rc < 0)
		return rc;
	if (search->batch_size == 0)
		return error_say(err, STATUS_NETWORK, EADDRINUSE,
				 "address %s is in use by another VM of this host", text);
	rc = probe_batch(search, err);
	if (rc < 0)
		return rc;
	if (search->batch[0].taken) {
		error_say(err, STATUS_NETWORK, EADDRINUSE, "address %s is in use by %s on '%s'",
			  text, mac_text(&search->batch[0].mac, mac), search->uplink->ifname);
		error_remedy(err, "choose another, or 'address: auto'");
		return -EADDRINUSE;
	}
	return settle(search, err);
}

static int none_free(const struct search *search, struct error *err)
{
	const struct prefix subnet = { prefix_network(&search->uplink->prefix),
				       search->uplink->prefix.length };
	char network[IPV4_TEXT_SIZE], first[IPV4_TEXT_SIZE], last[IPV4_TEXT_SIZE];

	prefix_text(&subnet, network);
	if (ipv4_unset(search->setup->range_first))
		error_say(err, STATUS_NETWORK, EADDRNOTAVAIL,
			  "no free address in %s on '%s': %u probed, all in use", network,
			  search->uplink->ifname, search->probed);
	else
		error_say(err, STATUS_NETWORK, EADDRNOTAVAIL,
			  "no free address from %s to %s in %s on '%s': %u probed, all in use",
			  ipv4_text(search->setup->range_first, first),
			  ipv4_text(search->setup->range_last, last), network,
			  search->uplink->ifname, search->probed);
	return -EADDRNOTAVAIL;
}

static int range_outside(const struct search *search, struct error *err)
{
	const struct prefix subnet = { prefix_network(&search->uplink->prefix),
				       search->uplink->prefix.length };
	char network[IPV4_TEXT_SIZE], first[IPV4_TEXT_SIZE], last[IPV4_TEXT_SIZE];

	error_say(err, STATUS_NETWORK, EADDRNOTAVAIL,
		  "range %s-%s has no host's address in %s, the subnet of uplink '%s'",
		  ipv4_text(search->setup->range_first, first),
		  ipv4_text(search->setup->range_last, last), prefix_text(&subnet, network),
		  search->uplink->ifname);
	error_remedy(err, "choose a part of that subnet, or 'range: auto'");
	return -EADDRNOTAVAIL;
}

/* The address that this VM had on this subnet last time; 0.0.0.0 when there is none. */
static struct in_addr remembered_here(const struct search *search)
{
	const struct setup_record *setup = search->setup;

	for (size_t i = 0; i < REMEMBERED_MAX; i++)
		if (prefix_host(&search->uplink->prefix, setup->remembered[i]))
			return setup->remembered[i];
	return (struct in_addr){ INADDR_ANY };
}

/* Whether it still could be chosen. */
static bool remembered_usable(struct search *search)
{
	const struct setup_record *setup = search->setup;
	const uint32_t address = ntohl(search->remembered.s_addr);

	if (ipv4_unset(search->remembered) || reserved_for(search, search->remembered) ||
	    !permitted(search, search->remembered))
		return false;
	return ipv4_unset(setup->range_first) || (address >= ntohl(setup->range_first.s_addr) &&
						  address <= ntohl(setup->range_last.s_addr));
}

static int none_permitted(const struct search *search, struct error *err)
{
	const struct permit *permit = search->host->permit;
	char network[IPV4_TEXT_SIZE];
	const struct prefix subnet = { prefix_network(&search->uplink->prefix),
				       search->uplink->prefix.length };

	error_say(err, STATUS_PERMISSION, EACCES,
		  "user '%s' is not permitted to use any %saddress in %s on '%s'", permit->name,
		  ipv4_unset(search->setup->range_first) ? "" : "of the range's ",
		  prefix_text(&subnet, network), search->uplink->ifname);
	error_remedy(err, "'%s' has which are permitted", permit->path);
	return -EACCES;
}

/* Where to look: in the range that was asked for, as far as it is permitted. */
static int start_walk(struct search *search, struct error *err)
{
	const struct setup_record *setup = search->setup;
	const struct prefix *subnet = &search->uplink->prefix;
	struct in_addr first = prefix_network(subnet), last = prefix_broadcast(subnet);
	int rc = check_permit(search, (struct in_addr){ INADDR_ANY }, err);

	if (rc < 0)
		return rc;
	if (!candidates_init(&search->candidates, subnet, setup->range_first, setup->range_last,
			     setup->uuid))
		return range_outside(search, err);
	if (!search->host->permit)
		return 0;
	if (!ipv4_unset(setup->range_first)) {
		first = setup->range_first;
		last = setup->range_last;
	}
	if (!permit_bounds(search->host->permit, &search->wish, &first, &last) ||
	    !candidates_init(&search->candidates, subnet, first, last, setup->uuid))
		return none_permitted(search, err);
	return 0;
}

static int allocate_auto(struct search *search, struct error *err)
{
	size_t size = BATCH_FIRST;

	if (start_walk(search, err) < 0)
		return -err->code;
	search->try_remembered = remembered_usable(search);
	while (search->probed < PROBED_MAX) {
		int rc = claim(search, size, err);

		if (rc < 0)
			return rc;
		if (search->batch_size == 0)
			break;
		rc = probe_batch(search, err);
		if (rc < 0)
			return rc;
		search->probed += (unsigned int)search->batch_size;
		if (keep_free(search))
			return settle(search, err);
		if (!search->try_remembered)
			size = size * 4 < PROBE_BATCH_MAX ? size * 4 : PROBE_BATCH_MAX;
		search->try_remembered = false;
	}
	return none_free(search, err);
}

int allocate(const struct setup_record *setup, const struct uplink *uplink, struct host *host,
	     struct in_addr rival, struct lease *lease, struct error *err)
{
	struct search search = {
		.setup = setup, .uplink = uplink, .host = host, .rival = rival, .lease = lease
	};
	int rc;

	if (host->arp >= 0 && arp_listen(host->arp, (struct in_addr){ INADDR_ANY }, err) < 0) {
		error_context(err, "cannot hear ARP on '%s'", uplink->ifname);
		return -err->code;
	}
	search.wish = permit_wish(setup, uplink);
	search.remembered = remembered_here(&search);
	rc = list_local(&search.local, err);
	if (rc == 0 && !ipv4_unset(setup->address))
		rc = allocate_fixed(&search, err);
	else if (rc == 0)
		rc = allocate_auto(&search, err);
	addrset_done(&search.local);
	return rc;
}
