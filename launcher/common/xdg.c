// SPDX-License-Identifier: GPL-2.0-or-later
// Finds and makes the user's directories (XDG Base Directory Specification 0.8).
#include "launcher/common/xdg.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "launcher/common/text.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ifname.h"

static const struct {
	const char *variable;
	const char *below_home; /* NULL: outside of the home directory */
} kinds[] = {
	[XDG_DATA] = { "XDG_DATA_HOME", "/.local/share" },
	[XDG_STATE] = { "XDG_STATE_HOME", "/.local/state" },
	[XDG_CACHE] = { "XDG_CACHE_HOME", "/.cache" },
	[XDG_RUNTIME] = { "XDG_RUNTIME_DIR", NULL },
};

static bool is_own_directory(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

/* True if the nearest existing directory above lets this user make the missing ones. */
static bool can_make(const char *path)
{
	char above[PATH_MAX];
	char *slash;

	if (strlen(path) >= sizeof(above) || !faccessat(AT_FDCWD, path, F_OK, AT_EACCESS) ||
	    errno != ENOENT)
		return false;
	memcpy(above, path, strlen(path) + 1);
	while ((slash = strrchr(above, '/')) && slash != above) {
		*slash = '\0';
		if (!faccessat(AT_FDCWD, above, W_OK | X_OK, AT_EACCESS))
			return true;
		if (errno != ENOENT)
			return false;
	}
	return !faccessat(AT_FDCWD, "/", W_OK | X_OK, AT_EACCESS);
}

/* Returns the variable's value if it satisfies xdg_dir(), else NULL. */
static const char *environment_directory(const char *variable)
{
	const char *value = getenv(variable);

	if (!value || value[0] != '/')
		return NULL;
	return is_own_directory(value) || can_make(value) ? value : NULL;
}

const char *xdg_home(void)
{
	const struct passwd *user = getpwuid(geteuid());

	if (user && user->pw_dir && user->pw_dir[0] == '/')
		return user->pw_dir;
	return environment_directory("HOME");
}

static char *join(const char *base, const char *middle, const char *name)
{
	return text_format("%s%s/vmrun%s%s", base, middle, name ? "/" : "", name ? name : "");
}

/* Prefers the directory of pam_systemd(8); else one in /tmp, which xdg_make() checks. */
static char *runtime_fallback(const char *name)
{
	char base[64];

	snprintf(base, sizeof(base), "/run/user/%u", (unsigned int)geteuid());
	if (!is_own_directory(base))
		snprintf(base, sizeof(base), "/tmp/vmrun-%u", (unsigned int)geteuid());
	return join(base, "", name);
}

int xdg_dir(enum xdg_kind kind, const char *name, char **path, struct error *err)
{
	const char *base = environment_directory(kinds[kind].variable);
	char *joined;

	if (base) {
		joined = join(base, "", name);
	} else if (!kinds[kind].below_home) {
		joined = runtime_fallback(name);
	} else {
		base = xdg_home();
		if (!base) {
			error_setf(err, STATUS_FAILURE, ENOENT,
				   "cannot find the home directory of user %u",
				   (unsigned int)geteuid());
			error_remedy(err, "set %s to a directory of that user",
				     kinds[kind].variable);
			return -ENOENT;
		}
		joined = join(base, kinds[kind].below_home, name);
	}
	if (!joined)
		return error_set_errno(err, ENOMEM, "cannot make a path");
	*path = joined;
	return 0;
}

void xdg_each(enum xdg_kind kind, void (*fn)(const char *name, void *context), void *context)
{
	cleanup_free char *path = NULL;
	struct dirent *entry;
	struct error ignored;
	DIR *stream;

	if (xdg_dir(kind, NULL, &path, &ignored) < 0)
		return;
	stream = opendir(path);
	while (stream && (entry = readdir(stream)))
		if (vm_name_valid(entry->d_name))
			fn(entry->d_name, context);
	if (stream)
		closedir(stream);
}

static bool is_trusted(uid_t owner)
{
	return owner == geteuid() || owner == 0;
}

/* True if every user can make files in the directory, so that its entries are untrusted. */
static bool is_public(int dir)
{
	struct stat st;

	return fstat(dir, &st) || (st.st_mode & S_IWOTH);
}

static int open_next(int dir, const char *name, bool public)
{
	return openat(dir, name, O_PATH | O_DIRECTORY | O_CLOEXEC | (public ? O_NOFOLLOW : 0));
}

/*
 * Opens the next directory of a path, and makes it if it is missing. If another process makes it
 * first, it passes through the same check.
 */
static int open_or_make(int dir, const char *name, const char *path, int *next, struct error *err)
{
	bool public = is_public(dir);
	cleanup_fd int fd = open_next(dir, name, public);
	struct stat st;

	if (fd < 0 && errno == ENOENT) {
		if (mkdirat(dir, name, 0700) && errno != EEXIST)
			return error_set_errno(err, errno, "cannot make directory '%s'", path);
		fd = open_next(dir, name, public);
	}
	if (fd < 0)
		return error_set_errno(err, errno, "cannot use directory '%s'", path);
	if (fstat(fd, &st))
		return error_set_errno(err, errno, "cannot use directory '%s'", path);
	if (public && (!is_trusted(st.st_uid) || (st.st_mode & (S_IWGRP | S_IWOTH)))) {
		error_setf(err, STATUS_PERMISSION, EPERM,
			   "cannot use directory '%s': it does not belong to user %u alone", path,
			   (unsigned int)geteuid());
		error_remedy(
			err,
			"remove it, or name another directory in XDG_RUNTIME_DIR or XDG_DATA_HOME");
		return -EPERM;
	}
	*next = take_fd(&fd);
	return 0;
}

/* Opens the path's components in turn; cuts @path for messages and restores it. */
static int open_directories(char *path, int *last, struct error *err)
{
	cleanup_fd int dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char *name = path;

	if (dir < 0)
		return error_set_errno(err, errno, "cannot open '/'");
	while (*(name += strspn(name, "/"))) {
		char *end = name + strcspn(name, "/");
		char rest = *end;
		int next = -1;
		int ret;

		*end = '\0';
		ret = open_or_make(dir, name, path, &next, err);
		*end = rest;
		if (ret)
			return ret;
		close(dir);
		dir = next;
		name = end;
	}
	*last = take_fd(&dir);
	return 0;
}

int xdg_make(const char *path, struct error *err)
{
	cleanup_free char *copy = strdup(path);
	cleanup_fd int dir = -1;
	struct stat st;
	int ret;

	assert(path[0] == '/');
	if (!copy)
		return error_set_errno(err, ENOMEM, "cannot make directory '%s'", path);
	ret = open_directories(copy, &dir, err);
	if (ret)
		return ret;
	if (fstat(dir, &st))
		return error_set_errno(err, errno, "cannot use directory '%s'", path);
	if (st.st_uid != geteuid())
		return error_setf(err, STATUS_PERMISSION, EPERM,
				  "cannot use directory '%s': it belongs to user %u", path,
				  (unsigned int)st.st_uid);
	return 0;
}
