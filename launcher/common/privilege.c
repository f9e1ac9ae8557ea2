// SPDX-License-Identifier: GPL-2.0-or-later
// Drops for good the root privilege that sudo, doas or pkexec gave to vmrun.
#include "launcher/common/privilege.h"

#include <assert.h>
#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/common/log.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/membership.h"

#define PASSWD_SIZE 65536

/* The calling user: an entry of passwd(5) and the allocated texts that it points to. */
struct caller {
	struct passwd entry;
	char *texts;
	gid_t gid;
};

int privilege_check(struct error *err)
{
	if (geteuid() == getuid() && getegid() == getgid())
		return 0;
	error_setf(err, STATUS_PERMISSION, EPERM, "vmrun must not be set-uid or set-gid");
	error_remedy(err,
		     "remove the bit; see vmrun-netsetup(8) for how to give vmrun-netsetup its "
		     "privilege");
	return -EPERM;
}

/* Accepts decimal digits only. Refuses (uid_t)-1: to the kernel it means "no change". */
static int read_id(const char *name, const char *text, unsigned int *id, struct error *err)
{
	unsigned long value;

	if (text[0] == '\0' || strlen(text) > 10 || text[strspn(text, "0123456789")] != '\0')
		return error_setf(err, STATUS_PERMISSION, EINVAL, "%s is not a number", name);
	value = strtoul(text, NULL, 10);
	if (value >= UINT_MAX)
		return error_setf(err, STATUS_PERMISSION, EINVAL, "%s is out of range", name);
	*id = (unsigned int)value;
	return 0;
}

/* Looks up @user, or @uid if @user is NULL. */
static int find_caller(const char *name, const char *user, uid_t uid, struct caller *caller,
		       struct error *err)
{
	struct passwd *found = NULL;
	int code;

	caller->texts = malloc(PASSWD_SIZE);
	if (!caller->texts)
		return error_set_errno(err, ENOMEM, "cannot look up the user of %s", name);
	if (user)
		code = getpwnam_r(user, &caller->entry, caller->texts, PASSWD_SIZE, &found);
	else
		code = getpwuid_r(uid, &caller->entry, caller->texts, PASSWD_SIZE, &found);
	if (found) {
		caller->gid = caller->entry.pw_gid;
		return 0;
	}
	free(take_ptr(&caller->texts));
	if (code)
		return error_set_errno(err, code, "cannot look up the user of %s", name);
	return error_setf(err, STATUS_PERMISSION, EINVAL, "%s names no user in passwd(5)", name);
}

static int find_by_id(const char *name, const char *text, struct caller *caller, struct error *err)
{
	unsigned int uid = 0;
	int ret = read_id(name, text, &uid, err);

	return ret < 0 ? ret : find_caller(name, NULL, uid, caller, err);
}

/* SUDO_GID is the caller's group at that time, which newgrp(1) may have changed. */
static int find_by_sudo(const char *uid_text, struct caller *caller, struct error *err)
{
	const char *gid_text = getenv("SUDO_GID");
	unsigned int gid = 0;
	int ret;

	if (!gid_text)
		return error_setf(err, STATUS_PERMISSION, EINVAL,
				  "SUDO_UID is set, SUDO_GID is not");
	ret = read_id("SUDO_GID", gid_text, &gid, err);
	if (ret == 0)
		ret = find_by_id("SUDO_UID", uid_text, caller, err);
	if (ret < 0)
		return ret;

	/* Threat: a group of another user's. Check: the user database. Test: test_refused(). */
	if (!membership_recorded(caller->entry.pw_uid, gid))
		ret = error_setf(err, STATUS_PERMISSION, EINVAL, "SUDO_GID is no group of '%s'",
				 caller->entry.pw_name);
	if (ret < 0)
		free(take_ptr(&caller->texts));
	caller->gid = gid;
	return ret;
}

static int find_by_doas(const char *user, struct caller *caller, struct error *err)
{
	return find_caller("DOAS_USER", user, 0, caller, err);
}

static int find_by_pkexec(const char *uid_text, struct caller *caller, struct error *err)
{
	return find_by_id("PKEXEC_UID", uid_text, caller, err);
}

/* Each variable that names the caller, and how. */
static const struct {
	const char *name;
	int (*find)(const char *text, struct caller *caller, struct error *err);
} variables[] = {
	{ "SUDO_UID", find_by_sudo },
	{ "DOAS_USER", find_by_doas },
	{ "PKEXEC_UID", find_by_pkexec },
};

/*
 * Finds the user that the environment names; caller->texts stays NULL if it names none.
 *
 * Threat: 'SUDO_UID=0 doas vmrun', where doas(1) keeps the environment, would stay root. Check: one
 * variable at most is set. Test: test_refused() of tests/unit/launcher/common/test_privilege.c.
 */
static int find_by_environment(struct caller *caller, struct error *err)
{
	size_t found = ARRAY_SIZE(variables);

	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		if (!getenv(variables[i].name))
			continue;
		if (found < ARRAY_SIZE(variables)) {
			error_setf(err, STATUS_PERMISSION, EINVAL, "both %s and %s are set",
				   variables[found].name, variables[i].name);
			error_remedy(err, "unset the one of an outer call: env -u VARIABLE vmrun");
			return -EINVAL;
		}
		found = i;
	}
	if (found == ARRAY_SIZE(variables))
		return 0;
	return variables[found].find(getenv(variables[found].name), caller, err);
}

static int become(const struct caller *caller, struct error *err)
{
	const uid_t uid = caller->entry.pw_uid;
	const bool setpcap = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);

	if (initgroups(caller->entry.pw_name, caller->gid) < 0 ||
	    setresgid(caller->gid, caller->gid, caller->gid) < 0)
		return error_set_errno(err, errno, "cannot take on the groups of '%s'",
				       caller->entry.pw_name);

	/* Bounds need CAP_SETPCAP. Without it, as in containers, no_new_privs has to suffice. */
	capng_clear(CAPNG_SELECT_ALL);
	if (setpcap && capng_apply(CAPNG_SELECT_BOUNDS) != 0)
		return error_set_errno(err, EPERM, "cannot give up capabilities");
	if (setresuid(uid, uid, uid) < 0)
		return error_set_errno(err, errno, "cannot become '%s'", caller->entry.pw_name);
	/* setresuid(2) has cleared most of them, unless securebits forbade it. */
	capng_clear(CAPNG_SELECT_ALL);
	if (capng_apply(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT) != 0)
		return error_set_errno(err, EPERM, "cannot give up capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set_errno(err, errno, "cannot give up new privileges");
	return 0;
}

/* Threat: a call above kept a right. Check: ask the kernel, and fail if root comes back. */
static int verify(const struct caller *caller, struct error *err)
{
	const uid_t uid = caller->entry.pw_uid;
	const gid_t gid = caller->gid;
	uid_t uids[3];
	gid_t gids[3];

	if (getresuid(&uids[0], &uids[1], &uids[2]) < 0 ||
	    getresgid(&gids[0], &gids[1], &gids[2]) < 0)
		return error_set_errno(err, errno, "cannot verify that root is given up");
	if (uids[0] != uid || uids[1] != uid || uids[2] != uid || gids[0] != gid ||
	    gids[1] != gid || gids[2] != gid || setresuid(0, 0, 0) == 0 || setuid(0) == 0 ||
	    (gid != 0 && setresgid(0, 0, 0) == 0) || capng_get_caps_process() < 0 ||
	    capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE)
		return error_setf(err, STATUS_PERMISSION, EPERM,
				  "cannot give up root: the kernel still grants it");
	return 0;
}

static void unset_unless_owned(const char *name, uid_t uid)
{
	const char *path = getenv(name);
	struct stat status;

	if (path && (stat(path, &status) < 0 || status.st_uid != uid))
		unsetenv(name);
}

static int set_environment(const struct passwd *entry, struct error *err)
{
	static const char *const directories[] = {
		"XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME",
		"XDG_STATE_HOME",  "XDG_CACHE_HOME",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(directories); i++)
		unset_unless_owned(directories[i], entry->pw_uid);
	if (setenv("HOME", entry->pw_dir, 1) < 0 || setenv("USER", entry->pw_name, 1) < 0 ||
	    setenv("LOGNAME", entry->pw_name, 1) < 0 ||
	    setenv("SHELL", entry->pw_shell[0] ? entry->pw_shell : "/bin/sh", 1) < 0)
		return error_set_errno(err, errno, "cannot set the environment of '%s'",
				       entry->pw_name);
	return 0;
}

static int drop(const struct caller *caller, struct error *err)
{
	int ret = become(caller, err);

	if (ret == 0)
		ret = verify(caller, err);
	if (ret == 0)
		ret = set_environment(&caller->entry, err);
	umask(077);
	return ret;
}

int privilege_become(uid_t uid, struct error *err)
{
	struct caller caller = { 0 };
	int ret;

	assert(geteuid() == 0 && uid != 0);
	ret = find_caller("the system's VMs", NULL, uid, &caller, err);
	if (ret == 0)
		ret = drop(&caller, err);
	free(caller.texts);
	return ret;
}

/* The directories above are root's, so that no user can replace the one that is made. */
static void make_directory(const char *path, const struct passwd *entry)
{
	if (mkdir(path, 0700) == 0 && lchown(path, entry->pw_uid, entry->pw_gid) < 0)
		rmdir(path);
}

/* Finds the user for VMs that root itself starts, and makes what a login would have made. */
static int find_substitute(struct caller *caller, struct error *err)
{
	struct error ignored;

	free(take_ptr(&caller->texts));
	if (find_caller("root's VMs", PRIVILEGE_ROOT_USER, 0, caller, &ignored) == 0) {
		make_directory(caller->entry.pw_dir, &caller->entry);
		make_directory(PRIVILEGE_ROOT_RUNTIME_DIR, &caller->entry);
		setenv("XDG_RUNTIME_DIR", PRIVILEGE_ROOT_RUNTIME_DIR, 1);
		log_notice("called by root: becoming the user '" PRIVILEGE_ROOT_USER "'");
		return 0;
	}
	error_setf(err, STATUS_PERMISSION, EPERM, "cannot run QEMU as root");
	error_remedy(err, "log in as a user and call 'sudo vmrun', which becomes this user");
	error_remedy(err, "or install vmrun's package, which has the user '" PRIVILEGE_ROOT_USER
			  "' for this");
	error_remedy(err, "or let it run as root nevertheless: vmrun run --as-root FILE");
	return -EPERM;
}

int privilege_drop(bool keep_root, struct error *err)
{
	struct caller caller = { 0 };
	int ret = privilege_check(err);

	if (ret < 0 || geteuid() != 0)
		return ret;
	ret = find_by_environment(&caller, err);
	if (ret == 0 && (!caller.texts || caller.entry.pw_uid == 0))
		ret = keep_root ? 1 : find_substitute(&caller, err);
	if (ret == 0)
		ret = drop(&caller, err);
	free(caller.texts);
	return ret < 0 ? ret : 0;
}
