// SPDX-License-Identifier: GPL-2.0-or-later
// Makes and locks the runtime directory of a VM.
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
#include "launcher/devices/private_network.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"

#define LOCK_FILE "lock"

/* Tries to make the directory again after another run that ends has removed it. */
#define TRIES 1000

/* Reads "PID ADDRESS" of runtime_dir_write_address(); other text leaves the outputs untouched. */
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
	/* 0: the other run has just locked the file and not yet written its pid. */
	if (pid > 0)
		error_remedy(err, "stop it first (vmrun stop %s), or give this one another name",
			     name);
	return -EEXIST;
}

/* Opens and locks the file; -EAGAIN if its holder removed it or its directory in the meantime. */
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
	/* A vmrun that removes stale files holds the lock for some milliseconds. */
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
		/* This run may have made it; the directory of a VM that runs is not empty. */
		rmdir(runtime_dir->directory);
	return ret;
}

void runtime_dir_write_address(const struct runtime_dir *runtime_dir, const char *address)
{
	char text[64];
	int length = snprintf(text, sizeof(text), "%d %s\n", (int)getpid(), address);

	/* Truncated last: a reader never finds it empty. An error costs only a message. */
	if (pwrite(runtime_dir->lock, text, (size_t)length, 0) != length ||
	    ftruncate(runtime_dir->lock, length) < 0)
		return;
}

/* Removes the lock last; rmdir() fails if another run has made a new lock in the directory. */
static void remove_all(const char *directory, const struct removal *removal)
{
	private_network_remove(strrchr(directory, '/') + 1, removal);
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
	/* Made here if the run was killed before it made its lock or after it had removed it. */
	lock = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | (removal->dry_run ? 0 : O_CREAT), 0600);
	/* An unlinked lock does not guard the files that the directory has now. */
	if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0 && fstat(lock, &status) == 0 &&
	    status.st_nlink > 0)
		remove_all(directory, removal);
}
