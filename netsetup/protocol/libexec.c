// SPDX-License-Identifier: GPL-2.0-or-later
// Finds vmrun's helper programs beside it or in their installed directory.
#include "netsetup/protocol/libexec.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/membership.h"

/* An installed helper may be executable for the members of its group only. */
static int not_a_member(const char *path, struct error *err)
{
	const struct group *group;
	struct stat status;

	error_set_errno(err, EACCES, "cannot run '%s'", path);
	group = stat(path, &status) == 0 ? getgrgid(status.st_gid) : NULL;
	if (group && status.st_gid != 0 && (status.st_mode & S_IXGRP))
		membership_add_remedy(getuid(), group->gr_name,
				      membership_recorded(getuid(), status.st_gid), err);
	return -EACCES;
}

int libexec_directory(char path[PATH_MAX], struct error *err)
{
	const ssize_t length = readlink("/proc/self/exe", path, PATH_MAX);

	if (length < 0 || length == PATH_MAX)
		return error_set_errno(err, length < 0 ? errno : ENAMETOOLONG,
				       "cannot find the directory of vmrun");
	path[length] = '\0';
	*strrchr(path, '/') = '\0';
	return 0;
}

int libexec_find(const char *name, char path[PATH_MAX], struct error *err)
{
	static const char *const directories[] = { ".", VMRUN_LIBEXEC_FROM_BIN };
	char self[PATH_MAX];
	int ret;

	ret = libexec_directory(self, err);
	if (ret < 0)
		return ret;
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		if (snprintf(path, PATH_MAX, "%s/%s/%s", self, directories[i], name) >= PATH_MAX)
			continue;
		if (access(path, X_OK) == 0)
			return 0;
		/* The file exists, but the caller is not in the group that may execute it. */
		if (access(path, F_OK) == 0)
			return not_a_member(path, err);
	}
	error_set_errno(err, ENOENT, "cannot find '%s' at '%s'", name, path);
	error_remedy(err, "install vmrun whole: cmake --install build");
	return -ENOENT;
}
