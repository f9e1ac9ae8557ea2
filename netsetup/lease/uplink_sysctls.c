// SPDX-License-Identifier: GPL-2.0-or-later
// The uplink's own sysctls, which all VMs on it share: the first in sets, the last out restores.
#include "netsetup/lease/uplink_sysctls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/kernel/netns.h"
#include "netsetup/lease/lease_dir.h"

#define SHARE_PREFIX    "uplink-"
#define SHARE_FILE_SIZE (sizeof(SHARE_PREFIX) + sizeof("4294967295"))
#define SHARE_MAGIC     0x76725532u /* "vrU2" */

/* The values and what we set them to; a record has one entry for each, in this order. */
static const struct shared_value {
	const char *tree;
	const char *key;
	int wanted;
} values[] = {
	{ "ipv4/conf", "forwarding", 1 },
	{ "ipv4/neigh", "proxy_delay", 0 },
};

/*
 * The file's content: of each value whether we changed it, and what it and that of all interfaces
 * were before.
 */
struct share_record {
	uint32_t magic;
	uint32_t ifindex;
	struct {
		int32_t changed;
		int32_t original;
		int32_t original_of_all;
	} values[ARRAY_SIZE(values)];
};

/* By index: a name may become another interface's while the values of the one that had it are ours. */
static const char *share_file(unsigned int ifindex, char file[SHARE_FILE_SIZE])
{
	snprintf(file, SHARE_FILE_SIZE, SHARE_PREFIX "%u", ifindex);
	return file;
}

/* Returns 1 with the file's record, 0 when it has none. */
static int read_record(int dir, const char *file, struct share_record *record, struct error *err)
{
	cleanup_fd int fd = openat(dir, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t size;

	if (fd < 0)
		return error_set(err, errno, "cannot open '%s' in '" RUNDIR_PATH "'", file);
	size = read(fd, record, sizeof(*record));
	/* What cannot be read is not nothing: the values would never be put back. */
	if (size < 0)
		return error_set(err, errno, "cannot read '%s' in '" RUNDIR_PATH "'", file);
	return size == sizeof(*record) && record->magic == SHARE_MAGIC;
}

/* Reads the record of an uplink; an empty one when there is none. */
static int share_read(int dir, struct interface_id uplink, struct share_record *record,
		      struct error *err)
{
	char file[SHARE_FILE_SIZE];
	int rc = read_record(dir, share_file(uplink.ifindex, file), record, err);

	if (rc < 0 && rc != -ENOENT)
		return rc;
	if (rc == 1 && record->ifindex == uplink.ifindex)
		return 0;
	memset(record, 0, sizeof(*record));
	record->magic = SHARE_MAGIC;
	record->ifindex = uplink.ifindex;
	return 0;
}

static int share_write(int dir, struct interface_id uplink, const struct share_record *record,
		       struct error *err)
{
	char file[SHARE_FILE_SIZE];
	int fd;

	fd = rundir_replace(dir, share_file(uplink.ifindex, file), record, sizeof(*record), err);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* The value for all interfaces, 0 when there is none. */
static int value_of_all(const struct shared_value *value)
{
	const struct sysctl sysctl = { value->tree, "all", value->key };
	struct error ignored;
	int current = 0;

	sysctl_read(&sysctl, &current, &ignored);
	return current;
}

/*
 * Whether somebody has set it for all interfaces since, as Docker does with ip_forward: then it is
 * theirs, although it is what we had set.
 */
static bool set_for_all(const struct share_record *record, size_t i)
{
	return value_of_all(&values[i]) == values[i].wanted &&
	       record->values[i].original_of_all != values[i].wanted;
}

bool share_is_set(struct interface_id uplink)
{
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		const struct sysctl sysctl = { values[i].tree, uplink.ifname, values[i].key };
		struct error ignored;
		int current;

		if (sysctl_read(&sysctl, &current, &ignored) < 0 || current != values[i].wanted)
			return false;
	}
	return true;
}

int share_set(int dir, struct host *host, struct interface_id uplink, struct error *err)
{
	struct share_record record = { 0 };
	bool set[ARRAY_SIZE(values)] = { false };
	bool any = false;
	int rc;

	rc = host->dry_run ? 0 : share_read(dir, uplink, &record, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		const struct sysctl sysctl = { values[i].tree, uplink.ifname, values[i].key };
		int current;

		rc = sysctl_read(&sysctl, &current, err);
		if (rc < 0)
			return rc;
		set[i] = current != values[i].wanted;
		any |= set[i];
		if (!set[i])
			continue;
		/* Also when we had set it before: then this is what somebody else chose since. */
		record.values[i].changed = 1;
		record.values[i].original = current;
		record.values[i].original_of_all = value_of_all(&values[i]);
	}
	if (!any)
		return 0;
	rc = host->dry_run ? 0 : share_write(dir, uplink, &record, err);
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(values); i++) {
		const struct sysctl sysctl = { values[i].tree, uplink.ifname, values[i].key };

		if (set[i])
			rc = host_sysctl(host, &sysctl, values[i].wanted, err);
	}
	return rc;
}

/* Puts one value back, unless it is no longer what we set. Returns 1 when it did, 0 or an error. */
static int restore_value(struct host *host, const char *ifname, const struct share_record *record,
			 size_t i, struct error *err)
{
	const struct sysctl sysctl = { values[i].tree, ifname, values[i].key };
	int current = 0;
	int rc;

	if (!record->values[i].changed || set_for_all(record, i))
		return 0;
	rc = sysctl_read(&sysctl, &current, err);
	if (rc == 0 && current != values[i].wanted)
		return 0;
	if (rc == 0)
		rc = host_sysctl(host, &sysctl, record->values[i].original, err);
	if (rc == 0)
		return 1;
	/* With the interface its values are gone. */
	return rc == -ENOENT && if_nametoindex(ifname) == 0 ? 0 : rc;
}

/*
 * Puts the values back and removes the record, unless one could not be put back. @ifname: what the
 * interface is called now, or empty when it is gone.
 */
static int share_restore(int dir, struct host *host, const char *file, const char *ifname,
			 const struct share_record *record, struct error *err)
{
	bool any = false;
	int result = 0;

	for (size_t i = 0; i < ARRAY_SIZE(values) && ifname[0]; i++) {
		struct error error;
		const int rc = restore_value(host, ifname, record, i, &error);

		any = any || rc == 1;
		if (rc < 0) {
			*err = error;
			result = rc;
		}
	}
	if (result < 0)
		return result;
	/* That it goes with the last value is no news. */
	if (!any)
		host_file_remove(host, dir, NULL, file);
	else if (!host->dry_run && unlinkat(dir, file, 0) < 0)
		return error_set(err, errno, "cannot remove '%s' in '" RUNDIR_PATH "'", file);
	return 0;
}

static bool uplink_in_use(unsigned int ifindex, const struct found_lease *leases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (leases[i].record.ifindex == ifindex && lease_in_use(&leases[i]))
			return true;
	return false;
}

/* An interface that was renamed since, as udev may do, is still the same one. */
static int sweep_uplink(int dir, struct host *host, const char *file,
			const struct found_lease *leases, size_t count, struct error *err)
{
	struct share_record record = { 0 };
	char ifname[IFNAMSIZ] = "";
	int rc;

	rc = read_record(dir, file, &record, err);
	if (rc < 0 || (rc == 1 && uplink_in_use(record.ifindex, leases, count)))
		return rc < 0 ? rc : 0;
	if (rc == 1 && !if_indextoname(record.ifindex, ifname) && errno != ENXIO)
		return error_set(err, errno, "cannot find the interface of '%s'", file);
	/* The name goes into paths and messages. */
	if (ifname[0] && !ifname_valid(ifname))
		return error_say(err, STATUS_FAILURE, EINVAL,
				 "the interface of '%s' has a name that cannot be used", file);
	return share_restore(dir, host, file, ifname, &record, err);
}

int uplink_sysctls_restore(int dir, struct host *host, const struct found_lease *leases,
			   size_t count, struct error *err)
{
	DIR *stream = lease_dir_stream(dir);
	struct dirent *entry;
	int result = 0;

	if (!stream)
		return error_set(err, errno, "cannot list '" RUNDIR_PATH "'");
	while ((errno = 0, entry = readdir(stream))) {
		int rc;

		if (strncmp(entry->d_name, SHARE_PREFIX, strlen(SHARE_PREFIX)) != 0 ||
		    !ifname_valid(entry->d_name + strlen(SHARE_PREFIX)))
			continue;
		rc = sweep_uplink(dir, host, entry->d_name, leases, count, err);
		if (rc < 0)
			result = rc;
	}
	if (errno)
		result = error_set(err, errno, "cannot list '" RUNDIR_PATH "'");
	closedir(stream);
	return result;
}
