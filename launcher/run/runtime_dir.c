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

/* "PID ADDRESS", as instance_tell() writes it; what is not so stays unread. */
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
	error_say(err, STATUS_FAILURE, EEXIST, "VM '%s' is already running: pid %d, %s", name, pid,
		  address);
	/* 0: it is only starting. */
	if (pid > 0)
		error_remedy(err, "stop it first (vmrun stop %s), or give this one another name",
			     name);
	return -EEXIST;
}

/* Opens and locks the file; -EAGAIN when its holder removed it, or its directory, meanwhile. */
static int try_lock(struct instance *instance, const char *name, struct error *err)
{
	cleanup_free char *path = NULL;
	cleanup_fd int fd = -1;
	struct stat status;
	int ret;

	path = text_format("%s/" LOCK_FILE, instance->directory);
	if (!path)
		return error_set(err, ENOMEM, "cannot lock VM '%s'", name);
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == ENOENT ? -EAGAIN : error_set(err, errno, "cannot open '%s'", path);
	/* Who sweeps after one that died holds it, too, for some milliseconds. */
	ret = file_lock_soon(fd);
	if (ret)
		return ret == -EBUSY ? already_running(fd, name, err)
				     : error_set(err, -ret, "cannot lock '%s'", path);
	if (fstat(fd, &status) < 0 || status.st_nlink == 0)
		return -EAGAIN;
	instance->lock = take_fd(&fd);
	return 0;
}

int instance_take(const char *name, struct instance *instance, struct error *err)
{
	int rc;

	*instance = (struct instance){ .lock = -1 };
	rc = xdg_dir(XDG_RUNTIME, name, &instance->directory, err);
	if (rc < 0)
		return rc;
	for (int i = 0; i < TRIES; i++) {
		rc = xdg_make(instance->directory, err);
		if (rc == 0)
			rc = try_lock(instance, name, err);
		if (rc != -EAGAIN && rc != -ENOENT)
			break;
	}
	if (rc == -EAGAIN)
		rc = error_set(err, EBUSY, "cannot lock VM '%s'", name);
	if (rc == 0)
		instance_tell(instance, "no address yet");
	else
		/* Which we may have made; that of a VM that runs is not empty. */
		rmdir(instance->directory);
	return rc;
}

void instance_tell(const struct instance *instance, const char *address)
{
	char text[64];
	int length = snprintf(text, sizeof(text), "%d %s\n", (int)getpid(), address);

	/* Cut after it was written, so that nobody finds it empty. A message is all that it is for. */
	if (pwrite(instance->lock, text, (size_t)length, 0) != length ||
	    ftruncate(instance->lock, length) < 0)
		return;
}

/* The lock goes last, and its directory only if nobody has made another one in it. */
static void remove_all(const char *directory, const struct sweep *sweep)
{
	sweep_files(sweep, directory, NULL, LOCK_FILE);
	sweep_file(sweep, directory, LOCK_FILE);
	if (!sweep->dry_run)
		rmdir(directory);
}

void instance_end(struct instance *instance)
{
	if (instance->lock >= 0) {
		remove_all(instance->directory, &(struct sweep){ 0 });
		close(instance->lock);
	}
	free(instance->directory);
	*instance = (struct instance){ .lock = -1 };
}

void instance_sweep(const char *name, const struct sweep *sweep)
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
	lock = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | (sweep->dry_run ? 0 : O_CREAT), 0600);
	/* A lock that has no name any more is not that of the files that are there now. */
	if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0 && fstat(lock, &status) == 0 &&
	    status.st_nlink > 0)
		remove_all(directory, sweep);
}
