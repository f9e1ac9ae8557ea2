// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the policy from a file that only root can change.
#include "netsetup/policy/policy_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "netsetup/base/cleanup.h"

/*
 * Threat: a user who may write to a directory can replace its files. In a directory with the sticky
 * bit, such as /tmp, they can replace only their own.
 */
static int check_owner(int fd, const char *path, struct error *err)
{
	struct stat status;
	mode_t denied = 022;

	if (fstat(fd, &status) < 0)
		return error_set_errno(err, errno, "cannot examine '%s'", path);
	if (S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX))
		denied = 0;
	if (status.st_uid == 0 && !(status.st_mode & denied))
		return 0;
	error_setf(err, STATUS_PERMISSION, EPERM, "others than root can change '%s'", path);
	error_remedy(err, "chown root '%s' && chmod go-w '%s'", path, path);
	return -EPERM;
}

/* Opens the next component of a path and checks its owner. */
static int descend(int above, const char *name, const char *path, int flags, struct error *err)
{
	cleanup_fd int fd = openat(above, name, flags | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return error_set_errno(err, errno, "cannot open '%s'", path);
	if (check_owner(fd, path, err) < 0)
		return -err->code;
	return take_fd(&fd);
}

/*
 * Opens each directory from the root down, relative to the descriptor of the one above. Landlock
 * does not restrict O_PATH.
 */
static int open_file(const char *path, struct error *err)
{
	cleanup_fd int above = -1;
	char walked[PATH_MAX];
	char *name, *slash;

	assert(path[0] == '/' && strlen(path) < sizeof(walked));

	above = descend(AT_FDCWD, "/", "/", O_PATH | O_DIRECTORY, err);
	if (above < 0)
		return above;
	snprintf(walked, sizeof(walked), "%s", path);
	for (name = walked + 1; (slash = strchr(name, '/')); name = slash + 1) {
		int below;

		*slash = '\0';
		below = descend(above, name, walked, O_PATH | O_DIRECTORY, err);
		if (below < 0)
			return below;
		*slash = '/';
		close(above);
		above = below;
	}
	return descend(above, name, walked, O_RDONLY | O_NONBLOCK, err);
}

int policy_file_read(const char *path, struct policy *policy, struct error *err)
{
	cleanup_free char *text = malloc(POLICY_SIZE_MAX + 1);
	cleanup_fd int fd = -1;
	struct stat status;
	size_t size = 0;
	ssize_t got;

	if (!text)
		return error_set_errno(err, ENOMEM, "cannot read '%s'", path);
	fd = open_file(path, err);
	if (fd < 0)
		return fd;
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
		return error_setf(err, STATUS_PERMISSION, EINVAL, "'%s' is not a file", path);
	do {
		got = read(fd, text + size, POLICY_SIZE_MAX + 1 - size);
		if (got < 0)
			return error_set_errno(err, errno, "cannot read '%s'", path);
		size += (size_t)got;
	} while (got > 0 && size <= POLICY_SIZE_MAX);
	return policy_parse(text, size, path, policy, err);
}
