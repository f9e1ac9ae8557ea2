// SPDX-License-Identifier: GPL-2.0-or-later
// Finds a free address for the VM and takes its lease.
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

/* Size of the first batch, and the number of probed addresses after which the subnet is full. */
#define BATCH_FIRST 4
#define PROBED_MAX  1024

/* One search for an address. */
struct search {
	const struct setup_record *setup;
	const struct uplink *uplink;
	struct host *host;
	struct lease *lease;
	struct request request;          /* for the policy */
	struct in_addr conflicting_host; /* in use, whether it answers or not */
	struct candidates candidates;
	struct in_addr remembered; /* address of the last time here, or 0.0.0.0 */
	bool try_remembered;       /* true until it was tried */
	struct address_set local;  /* this host's own addresses */
	unsigned int probed;
	struct probe batch[PROBE_BATCH_MAX];
	size_t batch_size;
};

/* Returns the owner of an address, as known without a packet; NULL if it has none. */
static const char *reserved_for(struct search *search, struct in_addr address)
{
	const struct setup_record *setup = search->setup;

	if (address_set_has(&search->local, address))
		return "this host's";
	if (!ipv4_unset(search->conflicting_host) && ipv4_equal(address, search->conflicting_host))
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

/* Lists all addresses of this host: an interface does not receive its own probes. */
static int list_local(struct address_set *local, struct error *err)
{
	struct ifaddrs *list;

	if (getifaddrs(&list) < 0)
		return error_set_errno(err, errno, "cannot list this host's addresses");
	for (const struct ifaddrs *entry = list; entry; entry = entry->ifa_next) {
		struct sockaddr_in address;

		if (!entry->ifa_addr || entry->ifa_addr->sa_family != AF_INET)
			continue;
		memcpy(&address, entry->ifa_addr, sizeof(address));
		address_set_add(local, address.sin_addr);
	}
	freeifaddrs(list);
	return local->failed ? error_set_errno(err, ENOMEM, "cannot list this host's addresses")
			     : 0;
}

/*
 * Lists the addresses of other VMs' live leases and, with @neighbours, those of neighbours and of
 * foreign routes. Counts the live leases of the same user.
 */
static int list_taken(struct search *search, int dir, bool neighbours, struct address_set *taken,
		      struct error *err)
{
	cleanup_free struct found_lease *leases = NULL;
	size_t count = 0;
	int ret;

	ret = dir < 0 ? 0 : lease_list(dir, &leases, &count, err);
	if (ret < 0)
		return ret;
	search->request.vms = 0;
	for (size_t i = 0; i < count; i++) {
		const struct lease_record *record = &leases[i].record;

		if (!strcmp(record->name, search->setup->name) || !lease_in_use(&leases[i]))
			continue;
		search->request.vms += record->owner == search->lease->record.owner;
		for (uint32_t a = 0; a < record->address_count; a++)
			address_set_add(taken, record->addresses[a]);
	}
	if (neighbours)
		ret = neighbour_list(search->host->route, search->uplink->ifindex, taken, err);
	if (neighbours && ret == 0 && !search->lease->adopted)
		ret = foreign_routes_list(search->host->route, search->uplink->ifindex, taken, err);
	if (ret == 0 && taken->failed)
		ret = error_set_errno(err, ENOMEM, "cannot list the addresses in use");
	return ret;
}

/* Checks the authorization for an address; 0.0.0.0: for any address at all. */
static int check_authorization(const struct search *search, struct in_addr address,
			       struct error *err)
{
	struct request request = search->request;

	request.address = address;
	return authorize_check(search->host->authorization, &request, err);
}

static bool permitted(const struct search *search, struct in_addr address)
{
	struct error ignored;

	return check_authorization(search, address, &ignored) == 0;
}

static void batch_add(struct search *search, struct in_addr address)
{
	search->batch[search->batch_size++] = (struct probe){ .address = address };
}

/* Adds the remembered address alone, or the next candidates. */
static void fill_batch(struct search *search, size_t size, struct address_set *taken)
{
	struct in_addr address;

	search->batch_size = 0;
	if (search->try_remembered && !address_set_has(taken, search->remembered)) {
		batch_add(search, search->remembered);
		return;
	}
	search->try_remembered = false;
	while (search->batch_size < size && candidate_next(&search->candidates, &address))
		if (!reserved_for(search, address) && !address_set_has(taken, address) &&
		    permitted(search, address))
			batch_add(search, address);
}

/* Writes the addresses to be probed, or the free one, into our lease. */
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

/* Returns -ENOENT in a dry run if the directory is missing or this process may not open it. */
static int lock_lease_dir(struct search *search, struct error *err)
{
	int dir = lease_dir_lock(!search->host->dry_run, err);

	if (dir < 0 && search->host->dry_run && (dir == -ENOENT || dir == -EACCES))
		return -ENOENT;
	return dir;
}

/* Under the lock: removes stale leases, then claims up to @size addresses that no lease has. */
static int claim(struct search *search, size_t size, struct error *err)
{
	struct address_set taken = { 0 };
	const bool fixed = !ipv4_unset(search->setup->address);
	int dir;
	int ret;

	dir = lock_lease_dir(search, err);
	if (dir < 0 && dir != -ENOENT)
		return dir;
	/* A failed removal does not stop this VM; 'vmrun clean' reports it. */
	if (dir >= 0 && !search->host->dry_run && search->lease->fd < 0)
		lease_stale_remove(dir, search->host, err);
	ret = list_taken(search, dir, !fixed, &taken, err);
	if (ret == 0)
		ret = check_authorization(search, search->setup->address, err);
	if (ret == 0 && fixed) {
		search->batch_size = 0;
		if (!address_set_has(&taken, search->setup->address))
			batch_add(search, search->setup->address);
	} else if (ret == 0) {
		fill_batch(search, size, &taken);
	}
	if (ret == 0 && !search->host->dry_run)
		ret = write_lease(search, dir, err);
	lease_dir_unlock(dir);
	address_set_done(&taken);
	return ret;
}

static int probe_batch(struct search *search, struct error *err)
{
	struct probe_timing timing = probe_new;
	int ret;

	/* A dry run has no socket, and shows the first candidates. */
	if (search->setup->probe == PROBE_NONE || search->host->arp < 0 || search->lease->adopted)
		return 0;
	if (search->setup->probe == PROBE_STRICT)
		timing = probe_strict;
	else if (search->batch_size == 1 &&
		 ipv4_equal(search->batch[0].address, search->remembered))
		timing = probe_remembered;
	timing.client = search->host->client;
	ret = probe_run(search->host->arp, search->uplink->ifindex, &search->uplink->mac, &timing,
			search->batch, search->batch_size, err);
	if (ret < 0)
		error_context(err, "cannot probe for addresses on '%s'", search->uplink->ifname);
	return ret;
}

/* Keeps the first address of the batch that nobody answered for; returns false if there is none. */
static bool select_free(struct search *search)
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

static int commit_address(struct search *search, struct error *err)
{
	int dir;
	int ret;

	search->lease->record.addresses[0] = search->batch[0].address;
	search->lease->record.address_count = 1;
	if (search->host->dry_run)
		return 0;
	dir = lease_dir_lock(true, err);
	if (dir < 0)
		return dir;
	ret = write_lease(search, dir, err);
	lease_dir_unlock(dir);
	return ret;
}

static int fail_subnet(const struct search *search, struct error *err)
{
	const struct prefix subnet = { ipv4_prefix_network(&search->uplink->prefix),
				       search->uplink->prefix.length };
	char address[IPV4_TEXT_SIZE], network[IPV4_TEXT_SIZE];

	error_setf(err, STATUS_NETWORK, EADDRNOTAVAIL,
		   "address %s is not a host's address in %s, the subnet of uplink '%s'",
		   ipv4_text(search->setup->address, address), ipv4_prefix_text(&subnet, network),
		   search->uplink->ifname);
	error_remedy(err, "choose one of that subnet, or 'address: auto'");
	return -EADDRNOTAVAIL;
}

static int allocate_fixed(struct search *search, struct error *err)
{
	const struct in_addr address = search->setup->address;
	const char *owner = reserved_for(search, address);
	char text[IPV4_TEXT_SIZE], mac[ARP_MAC_TEXT_SIZE];
	int ret;

	ipv4_text(address, text);
	if (!ipv4_prefix_host(&search->uplink->prefix, address))
		return fail_subnet(search, err);
	if (owner)
		return error_setf(err, STATUS_NETWORK, EADDRINUSE, "address %s is %s", text, owner);
	/* A foreign route does not take an address away from a VM that already has it. */
	ret = search->lease->adopted ? 0
				     : foreign_routes_check(search->host->route,
							    search->uplink->ifindex, address, err);
	if (ret == 0)
		ret = claim(search, 1, err);
	if (ret < 0)
		return ret;
	if (search->batch_size == 0)
		return error_setf(err, STATUS_NETWORK, EADDRINUSE,
				  "address %s is in use by another VM of this host", text);
	ret = probe_batch(search, err);
	if (ret < 0)
		return ret;
	if (search->batch[0].taken) {
		error_setf(err, STATUS_NETWORK, EADDRINUSE, "address %s is in use by %s on '%s'",
			   text, arp_mac_text(&search->batch[0].mac, mac), search->uplink->ifname);
		error_remedy(err, "choose another, or 'address: auto'");
		return -EADDRINUSE;
	}
	return commit_address(search, err);
}

static int fail_none_free(const struct search *search, struct error *err)
{
	const struct prefix subnet = { ipv4_prefix_network(&search->uplink->prefix),
				       search->uplink->prefix.length };
	char network[IPV4_TEXT_SIZE], first[IPV4_TEXT_SIZE], last[IPV4_TEXT_SIZE];

	ipv4_prefix_text(&subnet, network);
	if (ipv4_unset(search->setup->range_first))
		error_setf(err, STATUS_NETWORK, EADDRNOTAVAIL,
			   "no free address in %s on '%s': %u probed, all in use", network,
			   search->uplink->ifname, search->probed);
	else
		error_setf(err, STATUS_NETWORK, EADDRNOTAVAIL,
			   "no free address from %s to %s in %s on '%s': %u probed, all in use",
			   ipv4_text(search->setup->range_first, first),
			   ipv4_text(search->setup->range_last, last), network,
			   search->uplink->ifname, search->probed);
	return -EADDRNOTAVAIL;
}

static int fail_range(const struct search *search, struct error *err)
{
	const struct prefix subnet = { ipv4_prefix_network(&search->uplink->prefix),
				       search->uplink->prefix.length };
	char network[IPV4_TEXT_SIZE], first[IPV4_TEXT_SIZE], last[IPV4_TEXT_SIZE];

	error_setf(err, STATUS_NETWORK, EADDRNOTAVAIL,
		   "range %s-%s has no host's address in %s, the subnet of uplink '%s'",
		   ipv4_text(search->setup->range_first, first),
		   ipv4_text(search->setup->range_last, last), ipv4_prefix_text(&subnet, network),
		   search->uplink->ifname);
	error_remedy(err, "choose a part of that subnet, or 'range: auto'");
	return -EADDRNOTAVAIL;
}

/* Returns the address that this VM last had on this subnet; 0.0.0.0 if there is none. */
static struct in_addr find_remembered(const struct search *search)
{
	const struct setup_record *setup = search->setup;

	for (size_t i = 0; i < REMEMBERED_MAX; i++)
		if (ipv4_prefix_host(&search->uplink->prefix, setup->remembered[i]))
			return setup->remembered[i];
	return (struct in_addr){ INADDR_ANY };
}

/* Returns true if the request and the policy still allow the remembered address. */
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

static int fail_none_permitted(const struct search *search, struct error *err)
{
	const struct authorization *authorization = search->host->authorization;
	char network[IPV4_TEXT_SIZE];
	const struct prefix subnet = { ipv4_prefix_network(&search->uplink->prefix),
				       search->uplink->prefix.length };

	error_setf(err, STATUS_PERMISSION, EACCES,
		   "user '%s' is not permitted to use any %saddress in %s on '%s'",
		   authorization->name,
		   ipv4_unset(search->setup->range_first) ? "" : "of the range's ",
		   ipv4_prefix_text(&subnet, network), search->uplink->ifname);
	error_remedy(err, "read the permitted addresses in '%s'", authorization->path);
	return -EACCES;
}

/* Starts the candidates: the range of the request, narrowed to the permitted addresses. */
static int start_candidates(struct search *search, struct error *err)
{
	const struct setup_record *setup = search->setup;
	const struct prefix *subnet = &search->uplink->prefix;
	struct in_addr first = ipv4_prefix_network(subnet), last = ipv4_prefix_broadcast(subnet);
	int ret = check_authorization(search, (struct in_addr){ INADDR_ANY }, err);

	if (ret < 0)
		return ret;
	if (!candidate_init(&search->candidates, subnet, setup->range_first, setup->range_last,
			    setup->uuid))
		return fail_range(search, err);
	if (!search->host->authorization)
		return 0;
	if (!ipv4_unset(setup->range_first)) {
		first = setup->range_first;
		last = setup->range_last;
	}
	if (!authorize_bounds(search->host->authorization, &search->request, &first, &last) ||
	    !candidate_init(&search->candidates, subnet, first, last, setup->uuid))
		return fail_none_permitted(search, err);
	return 0;
}

static int allocate_auto(struct search *search, struct error *err)
{
	size_t size = BATCH_FIRST;

	if (start_candidates(search, err) < 0)
		return -err->code;
	search->try_remembered = remembered_usable(search);
	while (search->probed < PROBED_MAX) {
		int ret = claim(search, size, err);

		if (ret < 0)
			return ret;
		if (search->batch_size == 0)
			break;
		ret = probe_batch(search, err);
		if (ret < 0)
			return ret;
		search->probed += (unsigned int)search->batch_size;
		if (select_free(search))
			return commit_address(search, err);
		if (!search->try_remembered)
			size = size * 4 < PROBE_BATCH_MAX ? size * 4 : PROBE_BATCH_MAX;
		search->try_remembered = false;
	}
	return fail_none_free(search, err);
}

int allocate(const struct setup_record *setup, const struct uplink *uplink, struct host *host,
	     struct in_addr conflicting_host, struct lease *lease, struct error *err)
{
	struct search search = { .setup = setup,
				 .uplink = uplink,
				 .host = host,
				 .conflicting_host = conflicting_host,
				 .lease = lease };
	int ret;

	if (host->arp >= 0 && arp_listen(host->arp, (struct in_addr){ INADDR_ANY }, err) < 0) {
		error_context(err, "cannot listen for ARP on '%s'", uplink->ifname);
		return -err->code;
	}
	search.request = authorize_request(setup, uplink);
	search.remembered = find_remembered(&search);
	ret = list_local(&search.local, err);
	if (ret == 0 && !ipv4_unset(setup->address))
		ret = allocate_fixed(&search, err);
	else if (ret == 0)
		ret = allocate_auto(&search, err);
	address_set_done(&search.local);
	return ret;
}
