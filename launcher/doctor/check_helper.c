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
#include "netsetup/protocol/libexec.h"

#define HELPER "vmrun-netsetup"

/* It is the helper that opens it, so that who else may does not matter. */
enum severity check_helper_tun(struct check *check, struct error *said)
{
	cleanup_fd int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd >= 0 || errno == EACCES)
		return check_finding(said, SEVERITY_OK, "/dev/net/tun is there");
	error_set_errno(said, errno, "cannot open '/dev/net/tun'");
	error_remedy(said, "sudo modprobe tun");
	return SEVERITY_FAIL;
}

/* Whether a helper gets rights by its file, whoever starts it. */
static bool has_rights(const char *path, bool *setuid)
{
	struct stat status;

	*setuid = stat(path, &status) == 0 && status.st_uid == 0 && (status.st_mode & S_ISUID);
	return *setuid || getxattr(path, "security.capability", NULL, 0) > 0;
}

enum severity check_helper_rights(struct check *check, struct error *said)
{
	char path[PATH_MAX];
	struct statvfs system;
	bool setuid;

	if (libexec_find(HELPER, path, said) < 0)
		return SEVERITY_FAIL;
	if (check->helpers->error.code) {
		*said = check->helpers->error;
		return SEVERITY_FAIL;
	}
	if (check->helpers->as_root)
		return check_finding(said, SEVERITY_OK, "%s, as root", path);
	if (!has_rights(path, &setuid)) {
		check_finding(said, SEVERITY_WARN, "%s has no rights of its own", path);
		error_remedy(said, "start VMs as root, vmrun gives root's rights up at once: "
				   "sudo vmrun FILE");
		error_remedy(said, "or install it for a group: see vmrun-netsetup(8), PRIVILEGE");
		return SEVERITY_WARN;
	}
	if (statvfs(path, &system) == 0 && (system.f_flag & ST_NOSUID)) {
		check_finding(said, SEVERITY_FAIL, "%s lies in a file system that gives no rights",
			      path);
		error_remedy(said, "it is mounted with 'nosuid': install vmrun elsewhere");
		return SEVERITY_FAIL;
	}
	return check_finding(said, SEVERITY_OK, "%s, %s", path,
			     setuid ? "set-uid root" : "with file capabilities");
}

/* For who is not root: what the helper will make of it. */
static enum severity check_permission(struct error *said)
{
	static struct authorization authorization;
	gid_t groups[NGROUPS_MAX + 1];
	int count = getgroups(NGROUPS_MAX, groups);

	groups[count < 0 ? 0 : count] = getgid();
	authorize_load(&authorization, NETSETUP_CONF, getuid(), groups,
		       (size_t)(count < 0 ? 0 : count) + 1);
	if (!authorization.refusal.code)
		return check_finding(
			said, SEVERITY_OK, "%zu statement%s of %s permit%s VMs to '%s'",
			authorization.count, authorization.count == 1 ? "" : "s", NETSETUP_CONF,
			authorization.count == 1 ? "s" : "", authorization.name);
	*said = authorization.refusal;
	return SEVERITY_FAIL;
}

enum severity check_helper_policy(struct check *check, struct error *said)
{
	cleanup_free struct policy *policy = calloc(1, sizeof(*policy));
	char path[PATH_MAX];
	struct error ignored;
	bool setuid;
	int ret;

	if (!policy)
		return check_finding(said, SEVERITY_WARN, "out of memory");
	ret = policy_file_read(NETSETUP_CONF, policy, said);
	if (ret == -EACCES)
		return check_finding(said, SEVERITY_NOTE, "%s can be read by root only",
				     NETSETUP_CONF);
	if (ret < 0 && ret != -ENOENT)
		return SEVERITY_FAIL;
	if (!check->helpers->as_root && libexec_find(HELPER, path, &ignored) == 0 &&
	    has_rights(path, &setuid))
		return check_permission(said);
	memset(said, 0, sizeof(*said));
	if (ret == -ENOENT)
		return check_finding(said, SEVERITY_OK,
				     "none: only root, and who may use sudo, has VMs "
				     "on the LAN");
	return check_finding(said, SEVERITY_OK, "%s has %zu statement%s; root needs none",
			     NETSETUP_CONF, policy->count, policy->count == 1 ? "" : "s");
}

static void count_one(const char *command, void *context)
{
	unsigned int *count = context;

	(*count)++;
}

/* Both without a change: what is the user's, and what only the helper can see. */
enum severity check_helper_leftovers(struct check *check, struct error *said)
{
	unsigned int users = 0, hosts = 0;
	const struct removal removal = { true, count_one, &users };
	const struct netsetup_listener listener = { .change = count_one, .context = &hosts };
	struct error err;
	bool seen;

	stale_remove(&removal);
	seen = check->helpers->helper.socket >= 0 &&
	       netsetup_clean(&check->helpers->helper, true, &listener, &err) == 0;
	if (users + hosts > 0) {
		check_finding(said, SEVERITY_WARN, "%u thing%s that VMs which died have left",
			      users + hosts, users + hosts == 1 ? "" : "s");
		error_remedy(said, "%svmrun clean", hosts ? "sudo " : "");
		return SEVERITY_WARN;
	}
	if (seen)
		return check_finding(said, SEVERITY_OK, "none");
	check_finding(said, SEVERITY_NOTE, "none of yours; those of the network are root's to see");
	error_remedy(said, "sudo vmrun clean --dry-run");
	return SEVERITY_NOTE;
}
