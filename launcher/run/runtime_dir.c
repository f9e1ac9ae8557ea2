// SPDX-License-Identifier: GPL-2.0-or-later
// One running VM of a name for each user: its runtime directory and its lock.
#include "launcher/run/runtime_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "launcher/common/file.h"
#include "launcher/common/text.h"
#include "launcher/common/xdg.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"

#define LOCK_FILE "lock"

/* A run that ends removes the directory, perhaps while it is being made: so often it is made again. */
#define TRIES 1000

/* "PID ADDRESS", as runtime_dir_write_address() writes it; what is not so stays unread. */
static void read_lock(char *text, int *pid, char address[IPV4_TEXT_SIZE])
{
	char *rest;
	const long number = strtol(text, &rest, 10);

	if (rest == text || *rest != ' ' || number <= 0 || number > INT_MAX)
		return;
	*pid = (int)number;
	rest[strcspn(rest, "\n")] = '\0';
	snprintf(address, IPV4_TEXT_SIZE, "%.*s", IPV4_TEXT_SIZE - 1, rest + 1);
}

static int already_running(int lock, const char *name, struct error *err)
{
	char address[IPV4_TEXT_SIZE] = "no address";
	char text[64] = "";
	int pid = 0;

	if (pread(lock, text, sizeof(text) - 1, 0) > 0)
		read_lock(text, &pid, address);
	error_setf(err, STATUS_FAILURE, EEXIST, "VM '%s' is already running: pid %d, %s", name, pid,
		   address);
	/* 0: it is only starting. */
	if (pid > 0)
		error_remedy(err, "stop it first (vmrun stop %s), or give this one another name",
			     name);
	return -EEXIST;
}

/* Opens and locks the file; -EAGAIN when its holder removed it, or its directory, meanwhile. */
static int try_lock(struct runtime_dir *runtime_dir, const char *name, struct error *err)
{
	cleanup_free char *path = NULL;
	cleanup_fd int fd = -1;
	struct stat status;
	int ret;

	path = text_format("%s/" LOCK_FILE, runtime_dir->directory);
	if (!path)
		return error_set_errno(err, ENOMEM, "cannot lock VM '%s'", name);
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == ENOENT ? -EAGAIN
				       : error_set_errno(err, errno, "cannot open '%s'", path);
	/* Who sweeps after one that died holds it, too, for some milliseconds. */
	ret = file_lock_soon(fd);
	if (ret)
		return ret == -EBUSY ? already_running(fd, name, err)
				     : error_set_errno(err, -ret, "cannot lock '%s'", path);
	if (fstat(fd, &status) < 0 || status.st_nlink == 0)
		return -EAGAIN;
	runtime_dir->lock = take_fd(&fd);
	return 0;
}

int runtime_dir_take(const char *name, struct runtime_dir *runtime_dir, struct error *err)
{
	int ret;

	*runtime_dir = (struct runtime_dir){ .lock = -1 };
	ret = xdg_dir(XDG_RUNTIME, name, &runtime_dir->directory, err);
	if (ret < 0)
		return ret;
	for (int i = 0; i < TRIES; i++) {
		ret = xdg_make(runtime_dir->directory, err);
		if (ret == 0)
			ret = try_lock(runtime_dir, name, err);
		if (ret != -EAGAIN && ret != -ENOENT)
			break;
	}
	if (ret == -EAGAIN)
		ret = error_set_errno(err, EBUSY, "cannot lock VM '%s'", name);
	if (ret == 0)
		runtime_dir_write_address(runtime_dir, "no address yet");
	else
		/* Which we may have made; that of a VM that runs is not empty. */
		rmdir(runtime_dir->directory);
	return ret;
}

void runtime_dir_write_address(const struct runtime_dir *runtime_dir, const char *address)
{
	char text[64];
	int length = snprintf(text, sizeof(text), "%d %s\n", (int)getpid(), address);

	/* Cut after it was written, so that nobody finds it empty. A message is all that it is for. */
	if (pwrite(runtime_dir->lock, text, (size_t)length, 0) != length ||
	    ftruncate(runtime_dir->lock, length) < 0)
		return;
}

/* The lock goes last, and its directory only if nobody has made another one in it. */
static void remove_all(const char *directory, const struct removal *removal)
{
	remove_matching(removal, directory, NULL, LOCK_FILE);
	remove_one(removal, directory, LOCK_FILE);
	if (!removal->dry_run)
		rmdir(directory);
}

void runtime_dir_end(struct runtime_dir *runtime_dir)
{
	if (runtime_dir->lock >= 0) {
		remove_all(runtime_dir->directory, &(struct removal){ 0 });
		close(runtime_dir->lock);
	}
	free(runtime_dir->directory);
	*runtime_dir = (struct runtime_dir){ .lock = -1 };
}

void runtime_dir_remove_stale(const char *name, const struct removal *removal)
{
	cleanup_free char *directory = NULL;
	cleanup_free char *path = NULL;
	cleanup_fd int lock = -1;
	struct error ignored;
	struct stat status;

	if (xdg_dir(XDG_RUNTIME, name, &directory, &ignored) < 0)
		return;
	path = text_format("%s/" LOCK_FILE, directory);
	if (!path)
		return;
	/* Made for one that was killed before it made its lock, or after it had removed it. */
	lock = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | (removal->dry_run ? 0 : O_CREAT), 0600);
	/* A lock that has no name any more is not that of the files that are there now. */
	if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0 && fstat(lock, &status) == 0 &&
	    status.st_nlink > 0)
		remove_all(directory, removal);
}
