// SPDX-License-Identifier: GPL-2.0-or-later
// Keeps and locks the lease directory of this network namespace.
#include "netsetup/lease/lease_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/clock.h"
#include "netsetup/confine/close_timeout.h"
#include "netsetup/kernel/netns.h"

/* A file that is being written; the lock makes it the only one. */
#define NEW_FILE "new"

static int make_private(const char *path, int parent, const char *name, struct error *err)
{
	if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
		return error_set_errno(err, errno, "cannot make '%s'", path);
	return 0;
}

/* Opens a directory that must be ours and must grant others none of the @denied bits. */
static int open_private(const char *path, int parent, const char *name, mode_t denied,
			struct error *err)
{
	cleanup_fd int fd = -1;
	struct stat status;

	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(err, errno, "cannot open '%s'", path);
	if (fstat(fd, &status) < 0)
		return error_set_errno(err, errno, "cannot examine '%s'", path);
	if (status.st_uid != geteuid() || (status.st_mode & denied)) {
		error_setf(err, STATUS_PERMISSION, EPERM, "'%s' is open to other users", path);
		error_remedy(err, "remove it, or: chown root '%s' && chmod 700 '%s'", path, path);
		return -EPERM;
	}
	return take_fd(&fd);
}

/* Returns true if the name still means the opened directory. */
static bool path_current(int parent, const char *name, int dir)
{
	struct stat named, opened;

	return fstatat(parent, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstat(dir, &opened) == 0 && named.st_dev == opened.st_dev &&
	       named.st_ino == opened.st_ino;
}

static int wait_lock(int fd, int operation, uint64_t deadline)
{
	int ret;

	do {
		ret = flock(fd, operation);
	} while (ret < 0 && errno == EINTR && monotonic_ms() < deadline);
	if (ret < 0 && errno == EINTR)
		errno = ETIMEDOUT;
	return ret < 0 ? -errno : 0;
}

/* Waits in the kernel's queue, which polling would not do. A signal ends the wait. */
static int take_lock(int fd, int operation, unsigned int seconds)
{
	struct close_timeout before;
	int ret;

	if (flock(fd, operation | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK && errno != EINTR)
		return -errno;
	ret = close_timeout_start(seconds, &before);
	if (ret < 0)
		return ret;
	ret = wait_lock(fd, operation, monotonic_ms() + seconds * 1000);
	close_timeout_stop(&before);
	return ret;
}

static int lock_error(const char *path, unsigned int seconds, int code, struct error *err)
{
	if (code != ETIMEDOUT)
		return error_set_errno(err, code, "cannot lock '%s'", path);
	error_setf(err, STATUS_FAILURE, ETIMEDOUT,
		   "cannot lock '%s': another VM's helper has held it for %u s", path, seconds);
	error_remedy(err, "find that helper: sudo lslocks | grep netsetup");
	return -ETIMEDOUT;
}

/* Returns -ENOENT if the last user removed it while we opened it or waited for its lock. */
static int open_locked(const char *path, bool create, unsigned int seconds, struct error *err)
{
	const char *name = path + sizeof(NETNS_RUN_DIR);
	cleanup_fd int parent = -1;
	cleanup_fd int fd = -1;
	int ret;

	/* A user who can write to the parent can replace the directory. */
	parent = open_private(NETNS_RUN_DIR, AT_FDCWD, NETNS_RUN_DIR, 022, err);
	if (parent < 0)
		return parent;
	ret = create ? make_private(path, parent, name, err) : 0;
	if (ret < 0)
		return ret;
	fd = open_private(path, parent, name, 077, err);
	if (fd < 0) {
		/* This call may have made it; if in use, it is not empty or is made again. */
		if (create && fd != -EPERM)
			unlinkat(parent, name, AT_REMOVEDIR);
		return fd;
	}
	ret = take_lock(fd, LOCK_EX, seconds);
	if (ret < 0)
		return lock_error(path, seconds, -ret, err);
	if (!path_current(parent, name, fd))
		return error_set_errno(err, ENOENT, "cannot lock '%s'", path);
	return take_fd(&fd);
}

int lease_dir_lock(bool create, struct error *err)
{
	return lease_dir_lock_within(create, LEASE_DIR_LOCK_SECONDS, err);
}

int lease_dir_lock_within(bool create, unsigned int seconds, struct error *err)
{
	char path[NETNS_DIR_SIZE];
	int ret;

	ret = netns_dir(path, err);
	if (ret < 0)
		return ret;
	for (;;) {
		/* No race: this fails every time without /run. */
		ret = create ? make_private(NETNS_RUN_DIR, AT_FDCWD, NETNS_RUN_DIR, err) : 0;
		if (ret < 0)
			return ret;
		ret = open_locked(path, create, seconds, err);
		if (ret != -ENOENT || !create)
			return ret;
	}
}

/* Removes /run/vmrun if it is empty and nobody holds it. */
static void remove_run_dir(void)
{
	struct error ignored;
	cleanup_fd int parent = open_private(NETNS_RUN_DIR, AT_FDCWD, NETNS_RUN_DIR, 022, &ignored);

	if (parent >= 0 && flock(parent, LOCK_EX | LOCK_NB) == 0)
		rmdir(NETNS_RUN_DIR);
}

int lease_dir_hold(struct error *err)
{
	for (;;) {
		cleanup_fd int fd = -1;
		int ret;

		ret = make_private(NETNS_RUN_DIR, AT_FDCWD, NETNS_RUN_DIR, err);
		if (ret < 0)
			return ret;
		fd = open_private(NETNS_RUN_DIR, AT_FDCWD, NETNS_RUN_DIR, 022, err);
		if (fd < 0 && fd != -ENOENT)
			return fd;
		if (fd < 0)
			continue;
		ret = take_lock(fd, LOCK_SH, LEASE_DIR_LOCK_SECONDS);
		if (ret < 0)
			return lock_error(NETNS_RUN_DIR, LEASE_DIR_LOCK_SECONDS, -ret, err);
		if (path_current(AT_FDCWD, NETNS_RUN_DIR, fd))
			return take_fd(&fd);
	}
}

void lease_dir_release(int hold)
{
	if (hold < 0)
		return;
	/* close() is not enough: the child that waits for a tap's removal has a copy. */
	flock(hold, LOCK_UN);
	close(hold);
	remove_run_dir();
}

static void unlock(int dir, const char *path)
{
	/* A helper that was killed while it wrote leaves this file. */
	unlinkat(dir, NEW_FILE, 0);
	/* Fails, as intended, if the directory is not empty. */
	if (path[0] && rmdir(path) == 0)
		remove_run_dir();
	close(dir);
}

void lease_dir_unlock(int dir)
{
	struct error ignored;
	char path[NETNS_DIR_SIZE] = "";

	if (dir < 0)
		return;
	if (netns_dir(path, &ignored) < 0)
		path[0] = '\0';
	unlock(dir, path);
}

void lease_dir_others(void (*fn)(int dir, const char *path, void *context), void *context)
{
	char own[NETNS_DIR_SIZE], path[NETNS_DIR_SIZE];
	struct error ignored;
	struct dirent *entry;
	DIR *stream;

	if (netns_dir(own, &ignored) < 0)
		return;
	stream = opendir(NETNS_RUN_DIR);
	while (stream && (entry = readdir(stream))) {
		int dir;

		if (strncmp(entry->d_name, "net", 3) != 0 ||
		    snprintf(path, sizeof(path), NETNS_RUN_DIR "/%s", entry->d_name) >=
			    (int)sizeof(path) ||
		    !strcmp(path, own))
			continue;
		/* A helper that holds this lock cleans up after itself. */
		dir = open_locked(path, false, 1, &ignored);
		if (dir < 0)
			continue;
		unlinkat(dir, NEW_FILE, 0);
		fn(dir, path, context);
		unlock(dir, path);
	}
	if (stream)
		closedir(stream);
}

DIR *lease_dir_stream(int dir)
{
	cleanup_fd int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = copy < 0 ? NULL : fdopendir(copy);

	if (stream)
		take_fd(&copy);
	return stream;
}

int lease_dir_replace(int dir, const char *name, const void *data, size_t size, struct error *err)
{
	cleanup_fd int fd = -1;

	unlinkat(dir, NEW_FILE, 0);
	fd = openat(dir, NEW_FILE, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set_errno(err, errno, "cannot make '%s' in '" NETNS_RUN_DIR "'", name);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		error_set_errno(err, errno, "cannot lock '%s' in '" NETNS_RUN_DIR "'", name);
	} else {
		ssize_t written = write(fd, data, size);

		if (written == (ssize_t)size && renameat(dir, NEW_FILE, dir, name) == 0)
			return take_fd(&fd);
		error_set_errno(err, written >= 0 && written < (ssize_t)size ? ENOSPC : errno,
				"cannot write '%s' in '" NETNS_RUN_DIR "'", name);
	}
	unlinkat(dir, NEW_FILE, 0);
	return -err->code;
}
