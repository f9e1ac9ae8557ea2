// SPDX-License-Identifier: GPL-2.0-or-later
// Sets the uplink's shared sysctls, and restores them after the last VM.
#include "netsetup/lease/uplink_sysctls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/kernel/netns.h"
#include "netsetup/lease/lease_dir.h"

#define UPLINK_PREFIX    "uplink-"
#define UPLINK_FILE_SIZE (sizeof(UPLINK_PREFIX) + sizeof("4294967295"))
#define UPLINK_MAGIC     0x76725532u /* "vrU2" */

/* The values that a VM needs; a record has one entry for each, in this order. */
static const struct uplink_value {
	const char *tree;
	const char *key;
	int wanted;
} values[] = {
	{ "ipv4/conf", "forwarding", 1 },
	{ "ipv4/neigh", "proxy_delay", 0 },
};

/*
 * The file's content: for each value if we changed it, and its previous value and that of all
 * interfaces.
 */
struct uplink_record {
	uint32_t magic;
	uint32_t ifindex;
	struct {
		int32_t changed;
		int32_t original;
		int32_t original_of_all;
	} values[ARRAY_SIZE(values)];
};

/* Named by index: another interface may get the uplink's name while we still own its values. */
static const char *record_file(unsigned int ifindex, char file[UPLINK_FILE_SIZE])
{
	snprintf(file, UPLINK_FILE_SIZE, UPLINK_PREFIX "%u", ifindex);
	return file;
}

/* Returns 1 with the file's record, 0 if it has none. */
static int read_record(int dir, const char *file, struct uplink_record *record, struct error *err)
{
	cleanup_fd int fd = openat(dir, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t size;

	if (fd < 0)
		return error_set_errno(err, errno, "cannot open '%s' in '" NETNS_RUN_DIR "'", file);
	size = read(fd, record, sizeof(*record));
	/* A read error must not count as an empty record, or the values would never be restored. */
	if (size < 0)
		return error_set_errno(err, errno, "cannot read '%s' in '" NETNS_RUN_DIR "'", file);
	return size == sizeof(*record) && record->magic == UPLINK_MAGIC;
}

/* Reads the record of an uplink, or makes an empty one. */
static int find_record(int dir, struct interface_id uplink, struct uplink_record *record,
		       struct error *err)
{
	char file[UPLINK_FILE_SIZE];
	int ret = read_record(dir, record_file(uplink.ifindex, file), record, err);

	if (ret < 0 && ret != -ENOENT)
		return ret;
	if (ret == 1 && record->ifindex == uplink.ifindex)
		return 0;
	memset(record, 0, sizeof(*record));
	record->magic = UPLINK_MAGIC;
	record->ifindex = uplink.ifindex;
	return 0;
}

static int save_record(int dir, struct interface_id uplink, const struct uplink_record *record,
		       struct error *err)
{
	char file[UPLINK_FILE_SIZE];
	int fd;

	fd = lease_dir_replace(dir, record_file(uplink.ifindex, file), record, sizeof(*record),
			       err);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* Returns the value for all interfaces, 0 if there is none. */
static int value_of_all(const struct uplink_value *value)
{
	const struct sysctl sysctl = { value->tree, "all", value->key };
	struct error ignored;
	int current = 0;

	sysctl_read(&sysctl, &current, &ignored);
	return current;
}

/*
 * Returns true if another program has since set the value for all interfaces, as Docker does with
 * ip_forward. The value then belongs to that program, even though it equals ours.
 */
static bool set_for_all(const struct uplink_record *record, size_t i)
{
	return value_of_all(&values[i]) == values[i].wanted &&
	       record->values[i].original_of_all != values[i].wanted;
}

bool uplink_sysctls_are_set(struct interface_id uplink)
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

int uplink_sysctls_set(int dir, struct host *host, struct interface_id uplink, struct error *err)
{
	struct uplink_record record = { 0 };
	bool set[ARRAY_SIZE(values)] = { false };
	bool any = false;
	int ret;

	ret = host->dry_run ? 0 : find_record(dir, uplink, &record, err);
	if (ret < 0)
		return ret;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		const struct sysctl sysctl = { values[i].tree, uplink.ifname, values[i].key };
		int current;

		ret = sysctl_read(&sysctl, &current, err);
		if (ret < 0)
			return ret;
		set[i] = current != values[i].wanted;
		any |= set[i];
		if (!set[i])
			continue;
		/* Even if we had set it before: another program has changed it since. */
		record.values[i].changed = 1;
		record.values[i].original = current;
		record.values[i].original_of_all = value_of_all(&values[i]);
	}
	if (!any)
		return 0;
	ret = host->dry_run ? 0 : save_record(dir, uplink, &record, err);
	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(values); i++) {
		const struct sysctl sysctl = { values[i].tree, uplink.ifname, values[i].key };

		if (set[i])
			ret = host_sysctl(host, &sysctl, values[i].wanted, err);
	}
	return ret;
}

/* Restores one value if it is still ours. Returns 1 after a change, 0 without, or an error. */
static int restore_value(struct host *host, const char *ifname, const struct uplink_record *record,
			 size_t i, struct error *err)
{
	const struct sysctl sysctl = { values[i].tree, ifname, values[i].key };
	int current = 0;
	int ret;

	if (!record->values[i].changed || set_for_all(record, i))
		return 0;
	ret = sysctl_read(&sysctl, &current, err);
	if (ret == 0 && current != values[i].wanted)
		return 0;
	if (ret == 0)
		ret = host_sysctl(host, &sysctl, record->values[i].original, err);
	if (ret == 0)
		return 1;
	/* The values are gone together with the interface. */
	return ret == -ENOENT && if_nametoindex(ifname) == 0 ? 0 : ret;
}

/*
 * Restores the values and removes the record, which stays if one restore fails. @ifname: present
 * name of the interface, or empty if it is gone.
 */
static int restore_values(int dir, struct host *host, const char *file, const char *ifname,
			  const struct uplink_record *record, struct error *err)
{
	bool any = false;
	int result = 0;

	for (size_t i = 0; i < ARRAY_SIZE(values) && ifname[0]; i++) {
		struct error error;
		const int ret = restore_value(host, ifname, record, i, &error);

		any = any || ret == 1;
		if (ret < 0) {
			*err = error;
			result = ret;
		}
	}
	if (result < 0)
		return result;
	/* The report of a restored value covers the removal of its record. */
	if (!any)
		host_file_remove(host, dir, NULL, file);
	else if (!host->dry_run && unlinkat(dir, file, 0) < 0)
		return error_set_errno(err, errno, "cannot remove '%s' in '" NETNS_RUN_DIR "'",
				       file);
	return 0;
}

static bool uplink_in_use(unsigned int ifindex, const struct found_lease *leases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (leases[i].record.ifindex == ifindex && lease_in_use(&leases[i]))
			return true;
	return false;
}

/* Finds the interface by index, because udev may have renamed it since. */
static int restore_uplink(int dir, struct host *host, const char *file,
			  const struct found_lease *leases, size_t count, struct error *err)
{
	struct uplink_record record = { 0 };
	char ifname[IFNAMSIZ] = "";
	int ret;

	ret = read_record(dir, file, &record, err);
	if (ret < 0 || (ret == 1 && uplink_in_use(record.ifindex, leases, count)))
		return ret < 0 ? ret : 0;
	if (ret == 1 && !if_indextoname(record.ifindex, ifname) && errno != ENXIO)
		return error_set_errno(err, errno, "cannot find the interface of '%s'", file);
	/* The name becomes part of paths and messages. */
	if (ifname[0] && !ifname_valid(ifname))
		return error_setf(err, STATUS_FAILURE, EINVAL,
				  "the interface of '%s' has a name that cannot be used", file);
	return restore_values(dir, host, file, ifname, &record, err);
}

int uplink_sysctls_restore(int dir, struct host *host, const struct found_lease *leases,
			   size_t count, struct error *err)
{
	DIR *stream = lease_dir_stream(dir);
	struct dirent *entry;
	int result = 0;

	if (!stream)
		return error_set_errno(err, errno, "cannot list '" NETNS_RUN_DIR "'");
	while ((errno = 0, entry = readdir(stream))) {
		int ret;

		if (strncmp(entry->d_name, UPLINK_PREFIX, strlen(UPLINK_PREFIX)) != 0 ||
		    !ifname_valid(entry->d_name + strlen(UPLINK_PREFIX)))
			continue;
		ret = restore_uplink(dir, host, entry->d_name, leases, count, err);
		if (ret < 0)
			result = ret;
	}
	if (errno)
		result = error_set_errno(err, errno, "cannot list '" NETNS_RUN_DIR "'");
	closedir(stream);
	return result;
}
