// SPDX-License-Identifier: GPL-2.0-or-later
// Removes the stale leases that dead helpers have left.
#include "netsetup/lease/lease_stale.h"

#include <errno.h>
#include <net/if.h>
#include <stdint.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/kernel/query.h"
#include "netsetup/lease/lease_dir.h"
#include "netsetup/lease/proxy_stale.h"
#include "netsetup/lease/uplink_sysctls.h"

/* Returns true if a running VM has the address, and so its proxy entry. */
static bool address_in_use(struct in_addr address, const struct found_lease *leases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (uint32_t a = 0; a < leases[i].record.address_count; a++)
			if (ipv4_equal(leases[i].record.addresses[a], address) &&
			    lease_in_use(&leases[i]))
				return true;
	return false;
}

static int remove_lease(int dir, struct host *host, const struct lease_record *lease,
			bool published, struct error *err)
{
	const struct interface_id uplink = { lease->uplink, lease->ifindex };
	char file[LEASE_FILE_SIZE];
	int ret = 0;

	if (published && if_nametoindex(lease->uplink) == lease->ifindex &&
	    query_proxy(host->route, lease->addresses[0], lease->ifindex) != 0)
		ret = host_proxy_delete(host, lease->addresses[0], uplink, err);
	host_file_remove(host, dir, NULL, lease_file(lease->name, file));
	return ret;
}

int lease_stale_remove(int dir, struct host *host, struct error *err)
{
	cleanup_free struct found_lease *leases = NULL;
	size_t count;
	int result;
	int ret;

	result = lease_list(dir, &leases, &count, err);
	if (result < 0)
		return result;
	for (size_t i = 0; i < count; i++) {
		const struct lease_record *lease = &leases[i].record;

		if (lease_in_use(&leases[i]))
			continue;
		/* A lease with several addresses was still probing, and has published none. */
		ret = remove_lease(dir, host, lease,
				   lease->address_count == 1 &&
					   !address_in_use(lease->addresses[0], leases, count),
				   err);
		if (ret < 0)
			result = ret;
	}
	ret = proxy_stale_remove(host, leases, count, err);
	if (ret < 0)
		result = ret;
	ret = uplink_sysctls_restore(dir, host, leases, count, err);
	return ret < 0 ? ret : result;
}

static int remove_own(struct host *host, struct error *err)
{
	int dir = lease_dir_lock(!host->dry_run, err);
	int ret;

	/* There is no lease, and none can be taken before this dry run has listed the entries. */
	if (dir == -ENOENT && host->dry_run)
		return proxy_stale_remove(host, NULL, 0, err);
	if (dir < 0)
		return dir;
	ret = lease_stale_remove(dir, host, err);
	lease_dir_unlock(dir);
	return ret;
}

static size_t count_files(int dir)
{
	DIR *stream = lease_dir_stream(dir);
	struct dirent *entry;
	size_t count = 0;

	if (!stream)
		return SIZE_MAX;
	while ((entry = readdir(stream)))
		count += entry->d_name[0] != '.';
	closedir(stream);
	return count;
}

/*
 * Removes the dead leases of another network namespace. A helper has no right to find out if that
 * namespace still exists: a bind mount or a socket may hold it. Therefore a record of an uplink's
 * values stays for the next start there. Dead leases need no such care, because their proxy entries
 * are found without them.
 */
static void remove_other(int dir, const char *path, void *context)
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

int lease_stale_remove_all(struct host *host, struct error *err)
{
	int ret = remove_own(host, err);

	lease_dir_others(remove_other, host);
	return ret;
}
