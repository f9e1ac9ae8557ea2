// SPDX-License-Identifier: GPL-2.0-or-later
// Records in a file what one VM has on the host.
#include "netsetup/lease/lease.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/kernel/netns.h"
#include "netsetup/lease/lease_dir.h"

#define LEASE_PREFIX "lease-"

const char *lease_file(const char *name, char file[LEASE_FILE_SIZE])
{
	snprintf(file, LEASE_FILE_SIZE, LEASE_PREFIX "%s", name);
	return file;
}

static bool terminated(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

/* Only root can write the file, but another version of this program may have written it. */
static bool record_valid(const struct lease_record *record)
{
	return record->magic == LEASE_MAGIC && terminated(record->name, sizeof(record->name)) &&
	       terminated(record->uplink, sizeof(record->uplink)) &&
	       terminated(record->tap, sizeof(record->tap)) && vm_name_valid(record->name) &&
	       ifname_valid(record->uplink) && ifname_valid(record->tap) &&
	       record->address_count <= PROBE_BATCH_MAX;
}

/*
 * Reads one lease and its lock. -ENOENT: there is no file, or no lease in it. A caller must not
 * take any other error for that, because it would give away the address of a live VM.
 */
static int lease_read(int dir, const char *file, struct found_lease *found)
{
	cleanup_fd int fd = openat(dir, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t size;

	if (fd < 0)
		return errno == ELOOP || errno == ENXIO ? -ENOENT : -errno;
	found->alive = flock(fd, LOCK_SH | LOCK_NB) < 0;
	if (found->alive && errno != EWOULDBLOCK)
		return -errno;
	size = read(fd, &found->record, sizeof(found->record));
	if (size < 0)
		return errno == EISDIR ? -ENOENT : -errno;
	return size == sizeof(found->record) && record_valid(&found->record) ? 0 : -ENOENT;
}

static int lease_write(int dir, struct lease *lease, struct error *err)
{
	char file[LEASE_FILE_SIZE];
	int fd;

	assert(record_valid(&lease->record));

	fd = lease_dir_replace(dir, lease_file(lease->record.name, file), &lease->record,
			       sizeof(lease->record), err);
	if (fd < 0)
		return fd;
	if (lease->fd >= 0)
		close(lease->fd);
	lease->fd = fd;
	return 0;
}

static int already_running(const struct lease_record *found, uint32_t owner, struct error *err)
{
	char address[IPV4_TEXT_SIZE] = "no address yet", user[sizeof(", user 4294967295")] = "";

	if (found->address_count == 1)
		ipv4_text(found->addresses[0], address);
	if (found->owner != owner)
		snprintf(user, sizeof(user), ", user %u", found->owner);
	error_setf(err, STATUS_FAILURE, EEXIST, "VM '%s' is already running: pid %d, %s%s",
		   found->name, found->launcher, address, user);
	if (found->owner != owner)
		error_remedy(err,
			     "give this one another name; the other user's (getent passwd %u) "
			     "has this name on this host",
			     found->owner);
	/* 0: the launcher is in another pid namespace; 'kill 0' would end the user's shell. */
	else if (found->launcher > 0)
		error_remedy(err, "stop it first (%skill %d), or give this one another name",
			     owner ? "" : "sudo ", found->launcher);
	return -EEXIST;
}

int lease_take(int dir, struct lease *lease, struct error *err)
{
	char file[LEASE_FILE_SIZE];
	struct found_lease found;
	int ret;

	lease->fd = -1;
	ret = lease_read(dir, lease_file(lease->record.name, file), &found);
	if (ret < 0 && ret != -ENOENT)
		return error_set_errno(err, -ret, "cannot read '%s' in '" NETNS_RUN_DIR "'", file);
	/* While its tap exists, a lease is only for the helper that adopts it. */
	if (ret < 0 || (lease->adopted ? !found.alive : !lease_in_use(&found)))
		return lease_write(dir, lease, err);
	return already_running(&found.record, lease->record.owner, err);
}

int lease_update(int dir, struct lease *lease, struct error *err)
{
	assert(lease->fd >= 0);
	return lease_write(dir, lease, err);
}

int lease_find(int dir, const char *name, struct found_lease *found)
{
	char file[LEASE_FILE_SIZE];

	return lease_read(dir, lease_file(name, file), found);
}

bool lease_in_use(const struct found_lease *lease)
{
	/* Only ENODEV proves that the tap is gone. */
	return lease->alive || if_nametoindex(lease->record.tap) != 0 || errno != ENODEV;
}

void lease_remove(int dir, const struct lease_record *record)
{
	char file[LEASE_FILE_SIZE];

	unlinkat(dir, lease_file(record->name, file), 0);
}

void lease_drop(int dir, struct lease *lease)
{
	if (lease->fd < 0)
		return;
	lease_remove(dir, &lease->record);
	/* close() is not enough: the child that waits for the tap's removal has a copy. */
	flock(lease->fd, LOCK_UN);
	close(lease->fd);
	lease->fd = -1;
}

static int append(struct found_lease **leases, size_t *count, const struct found_lease *found)
{
	struct found_lease *larger = reallocarray(*leases, *count + 1, sizeof(*found));

	if (!larger)
		return -ENOMEM;
	*leases = larger;
	larger[(*count)++] = *found;
	return 0;
}

int lease_list(int dir, struct found_lease **leases, size_t *count, struct error *err)
{
	cleanup_free struct found_lease *list = NULL;
	DIR *stream = lease_dir_stream(dir);
	struct found_lease found;
	struct dirent *entry;
	size_t length = 0;
	int ret = 0;

	if (!stream)
		return error_set_errno(err, errno, "cannot list '" NETNS_RUN_DIR "'");
	while (ret == 0 && (errno = 0, entry = readdir(stream))) {
		if (strncmp(entry->d_name, LEASE_PREFIX, strlen(LEASE_PREFIX)) != 0)
			continue;
		ret = lease_read(dir, entry->d_name, &found);
		if (ret == 0)
			ret = append(&list, &length, &found);
		else if (ret == -ENOENT)
			ret = 0;
	}
	if (ret == 0)
		ret = -errno;
	closedir(stream);
	if (ret < 0)
		return error_set_errno(err, -ret, "cannot list '" NETNS_RUN_DIR "'");
	*leases = take_ptr(&list);
	*count = length;
	return 0;
}
