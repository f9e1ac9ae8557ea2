// SPDX-License-Identifier: GPL-2.0-or-later
// What helpers that died have left, beyond what their leases tell.
#include "netsetup/lease/stale.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdint.h>
#include <string.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ifname.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/lease/lease_dir.h"
#include "netsetup/lease/uplink_sysctls.h"
#include "netsetup/protocol/protocol.h"

/* A proxy entry of ours. */
struct entry {
	struct in_addr address;
	unsigned int ifindex;
};

struct listing {
	struct entry *entries;
	size_t count;
};

/* NDA_PROTOCOL is told of proxy entries since Linux 5.0 (pneigh_fill_info(), net/core/neighbour.c). */
static int entry_seen(struct nlmsghdr *header, void *context)
{
	struct listing *listing = context;
	const struct ndmsg *entry = nlmsg_data(header);
	struct nlattr *protocol, *address;
	struct entry *larger;

	if (header->nlmsg_type != RTM_NEWNEIGH || !nlmsg_valid_hdr(header, sizeof(*entry)) ||
	    entry->ndm_family != AF_INET || !(entry->ndm_flags & NTF_PROXY))
		return 0;
	protocol = nlmsg_find_attr(header, sizeof(*entry), NDA_PROTOCOL);
	address = nlmsg_find_attr(header, sizeof(*entry), NDA_DST);
	if (!protocol || nla_len(protocol) != 1 || nla_get_u8(protocol) != HOST_PROTOCOL ||
	    !address || nla_len(address) != sizeof(struct in_addr))
		return 0;
	larger = reallocarray(listing->entries, listing->count + 1, sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	listing->entries = larger;
	larger[listing->count].ifindex = (unsigned int)entry->ndm_ifindex;
	nla_memcpy(&larger[listing->count].address, address, sizeof(struct in_addr));
	listing->count++;
	return 0;
}

static int list_entries(struct host *host, struct listing *listing, struct error *err)
{
	const struct ndmsg header = { .ndm_family = AF_INET, .ndm_flags = NTF_PROXY };
	cleanup_nl_msg *message = nlmsg_alloc_simple(RTM_GETNEIGH, NLM_F_DUMP);
	int rc;

	if (!message || nlmsg_append(message, (void *)&header, sizeof(header), NLMSG_ALIGNTO) < 0)
		return error_set(err, ENOMEM, "cannot list proxy entries");
	rc = nl_request(host->route, message, entry_seen, listing);
	/* -EINTR: the table changed meanwhile; what was not seen is for the next sweep. */
	if (rc < 0 && rc != -EINTR)
		return error_set(err, -rc, "cannot list proxy entries");
	return 0;
}

static bool is_needed(const struct entry *entry, const struct found_lease *leases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct lease_record *lease = &leases[i].record;

		if (lease->ifindex != entry->ifindex || !lease_in_use(&leases[i]))
			continue;
		for (uint32_t a = 0; a < lease->address_count; a++)
			if (ipv4_equal(lease->addresses[a], entry->address))
				return true;
	}
	return false;
}

int sweep_proxies(struct host *host, const struct found_lease *leases, size_t count,
		  struct error *err)
{
	struct listing listing = { 0 };
	int result = list_entries(host, &listing, err);

	for (size_t i = 0; i < listing.count; i++) {
		const struct entry *entry = &listing.entries[i];
		char ifname[IF_NAMESIZE];
		int rc = 0;

		if (is_needed(entry, leases, count) || !if_indextoname(entry->ifindex, ifname))
			continue;
		/* The name goes into the command that is told, and into messages. */
		if (!ifname_valid(ifname))
			memcpy(ifname, "IF", sizeof("IF"));
		rc = host_proxy_delete(host, entry->address,
				       (struct interface_id){ ifname, entry->ifindex }, err);
		if (rc < 0)
			result = rc;
	}
	free(listing.entries);
	return result;
}

static int sweep_here(struct host *host, struct error *err)
{
	int dir = rundir_lock(!host->dry_run, err);
	int rc;

	/* Then nobody has a lease, nor can take one before this one dry look is over. */
	if (dir == -ENOENT && host->dry_run)
		return sweep_proxies(host, NULL, 0, err);
	if (dir < 0)
		return dir;
	rc = share_sweep(dir, host, err);
	rundir_unlock(dir);
	return rc;
}

static size_t count_files(int dir)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	size_t count = 0;

	if (!stream) {
		if (copy >= 0)
			close(copy);
		return SIZE_MAX;
	}
	while ((entry = readdir(stream)))
		count += entry->d_name[0] != '.';
	closedir(stream);
	return count;
}

/*
 * Whether a network namespace still exists cannot be told with our rights: a bind mount or a
 * socket somewhere may hold it. So a record of an uplink's values stays: if the namespace does
 * exist, they are put back by its next start. Dead leases need no such care: the proxy entries that
 * they tell about are found without them.
 */
static void sweep_other(int dir, const char *path, void *context)
{
	cleanup_free struct found_lease *leases = NULL;
	char file[LEASE_FILE_SIZE];
	struct host *host = context;
	struct error ignored;
	size_t count = 0;

	if (lease_list(dir, &leases, &count, &ignored) < 0 || count_files(dir) != count)
		return;
	for (size_t i = 0; i < count; i++)
		if (leases[i].alive)
			return;
	for (size_t i = 0; i < count; i++)
		host_file_remove(host, dir, path, lease_file(leases[i].record.name, file));
}

int sweep_all(struct host *host, struct error *err)
{
	int rc = sweep_here(host, err);

	rundir_others(sweep_other, host);
	return rc;
}
