// SPDX-License-Identifier: GPL-2.0-or-later
// Checks the network helper, its device and its policy.
#include "launcher/doctor/check_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "launcher/run/stale.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/policy/authorize.h"
#include "netsetup/policy/policy_file.h"
#include "netsetup/protocol/helper.h"

#define HELPER "vmrun-netsetup"

/* It is the helper that opens it, so that who else may does not matter. */
enum grade checkup_tun(struct checkup *checkup, struct error *said)
{
	cleanup_fd int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd >= 0 || errno == EACCES)
		return checkup_say(said, GRADE_OK, "/dev/net/tun is there");
	error_set(said, errno, "cannot open '/dev/net/tun'");
	error_remedy(said, "sudo modprobe tun");
	return GRADE_FAIL;
}

/* Whether a helper gets rights by its file, whoever starts it. */
static bool has_rights(const char *path, bool *setuid)
{
	struct stat status;

	*setuid = stat(path, &status) == 0 && status.st_uid == 0 && (status.st_mode & S_ISUID);
	return *setuid || getxattr(path, "security.capability", NULL, 0) > 0;
}

enum grade checkup_helper(struct checkup *checkup, struct error *said)
{
	char path[PATH_MAX];
	struct statvfs system;
	bool setuid;

	if (helper_find(HELPER, path, said) < 0)
		return GRADE_FAIL;
	if (checkup->helpers->error.code) {
		*said = checkup->helpers->error;
		return GRADE_FAIL;
	}
	if (checkup->helpers->as_root)
		return checkup_say(said, GRADE_OK, "%s, as root", path);
	if (!has_rights(path, &setuid)) {
		checkup_say(said, GRADE_WARN, "%s has no rights of its own", path);
		error_remedy(said, "start VMs as root, vmrun gives root's rights up at once: "
				   "sudo vmrun FILE");
		error_remedy(said, "or install it for a group: see vmrun-netsetup(8), PRIVILEGE");
		return GRADE_WARN;
	}
	if (statvfs(path, &system) == 0 && (system.f_flag & ST_NOSUID)) {
		checkup_say(said, GRADE_FAIL, "%s lies in a file system that gives no rights",
			    path);
		error_remedy(said, "it is mounted with 'nosuid': install vmrun elsewhere");
		return GRADE_FAIL;
	}
	return checkup_say(said, GRADE_OK, "%s, %s", path,
			   setuid ? "set-uid root" : "with file capabilities");
}

/* For who is not root: what the helper will make of it. */
static enum grade check_permission(struct error *said)
{
	static struct permit permit;
	gid_t groups[NGROUPS_MAX + 1];
	int count = getgroups(NGROUPS_MAX, groups);

	groups[count < 0 ? 0 : count] = getgid();
	permit_load(&permit, NETSETUP_CONF, getuid(), groups, (size_t)(count < 0 ? 0 : count) + 1);
	if (!permit.refusal.code)
		return checkup_say(said, GRADE_OK, "%zu statement%s of %s permit%s VMs to '%s'",
				   permit.count, permit.count == 1 ? "" : "s", NETSETUP_CONF,
				   permit.count == 1 ? "s" : "", permit.name);
	*said = permit.refusal;
	return GRADE_FAIL;
}

enum grade checkup_policy(struct checkup *checkup, struct error *said)
{
	cleanup_free struct policy *policy = calloc(1, sizeof(*policy));
	char path[PATH_MAX];
	struct error ignored;
	bool setuid;
	int rc;

	if (!policy)
		return checkup_say(said, GRADE_WARN, "out of memory");
	rc = policyfile_read(NETSETUP_CONF, policy, said);
	if (rc == -EACCES)
		return checkup_say(said, GRADE_NOTE, "%s can be read by root only", NETSETUP_CONF);
	if (rc < 0 && rc != -ENOENT)
		return GRADE_FAIL;
	if (!checkup->helpers->as_root && helper_find(HELPER, path, &ignored) == 0 &&
	    has_rights(path, &setuid))
		return check_permission(said);
	memset(said, 0, sizeof(*said));
	if (rc == -ENOENT)
		return checkup_say(said, GRADE_OK,
				   "none: only root, and who may use sudo, has VMs "
				   "on the LAN");
	return checkup_say(said, GRADE_OK, "%s has %zu statement%s; root needs none", NETSETUP_CONF,
			   policy->count, policy->count == 1 ? "" : "s");
}

static void count_one(const char *command, void *context)
{
	unsigned int *count = context;

	(*count)++;
}

/* Both without a change: what is the user's, and what only the helper can see. */
enum grade checkup_leftovers(struct checkup *checkup, struct error *said)
{
	unsigned int users = 0, hosts = 0;
	const struct sweep sweep = { true, count_one, &users };
	const struct netsetup_listener listener = { .change = count_one, .context = &hosts };
	struct error err;
	bool seen;

	sweep_user(&sweep);
	seen = checkup->helpers->helper.socket >= 0 &&
	       netsetup_clean(&checkup->helpers->helper, true, &listener, &err) == 0;
	if (users + hosts > 0) {
		checkup_say(said, GRADE_WARN, "%u thing%s that VMs which died have left",
			    users + hosts, users + hosts == 1 ? "" : "s");
		error_remedy(said, "%svmrun clean", hosts ? "sudo " : "");
		return GRADE_WARN;
	}
	if (seen)
		return checkup_say(said, GRADE_OK, "none");
	checkup_say(said, GRADE_NOTE, "none of yours; those of the network are root's to see");
	error_remedy(said, "sudo vmrun clean --dry-run");
	return GRADE_NOTE;
}
