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

#include "launcher/common/installation.h"
#include "launcher/run/stale.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/policy/authorize.h"
#include "netsetup/policy/policy_file.h"
#include "netsetup/protocol/libexec.h"

#define HELPER "vmrun-netsetup"

/* EACCES is no problem: the helper opens the device, not the user. */
enum severity check_helper_tun(struct check *check, struct error *finding)
{
	cleanup_fd int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd >= 0 || errno == EACCES)
		return check_finding(finding, SEVERITY_OK, "/dev/net/tun is there");
	error_set_errno(finding, errno, "cannot open '/dev/net/tun'");
	error_remedy(finding, "sudo modprobe tun");
	return SEVERITY_FAIL;
}

/* True if the helper's file gives it rights: set-uid root or file capabilities. */
static bool has_rights(const char *path, bool *setuid)
{
	struct stat status;

	*setuid = stat(path, &status) == 0 && status.st_uid == 0 && (status.st_mode & S_ISUID);
	return *setuid || getxattr(path, "security.capability", NULL, 0) > 0;
}

static enum severity check_rights(struct check *check, struct error *finding)
{
	char path[PATH_MAX];
	struct statvfs system;
	bool setuid;

	if (libexec_find(HELPER, path, finding) < 0)
		return SEVERITY_FAIL;
	if (check->helpers->error.code) {
		*finding = check->helpers->error;
		return SEVERITY_FAIL;
	}
	if (check->helpers->as_root)
		return check_finding(finding, SEVERITY_OK, "%s, as root", path);
	if (!has_rights(path, &setuid)) {
		check_finding(finding, SEVERITY_WARN, "%s has no set-uid root or file capabilities",
			      path);
		error_remedy(finding, "start VMs as root; vmrun drops root's rights at once: "
				      "sudo vmrun FILE");
		error_remedy(finding, "or install it for a group: vmrun-netsetup(8), PRIVILEGE");
		return SEVERITY_WARN;
	}
	if (statvfs(path, &system) == 0 && (system.f_flag & ST_NOSUID)) {
		check_finding(finding, SEVERITY_FAIL,
			      "%s is on a file system that is mounted with 'nosuid'", path);
		error_remedy(finding, "install vmrun on a file system without 'nosuid'");
		return SEVERITY_FAIL;
	}
	return check_finding(finding, SEVERITY_OK, "%s, %s", path,
			     setuid ? "set-uid root" : "with file capabilities");
}

enum severity check_helper_rights(struct check *check, struct error *finding)
{
	const enum severity severity = check_rights(check, finding);

	return installation_add_remedy(finding) && severity == SEVERITY_OK ? SEVERITY_WARN
									   : severity;
}

/* Checks the policy as the helper does it for a user without root's rights. */
static enum severity check_authorization(struct error *finding)
{
	static struct authorization authorization;
	gid_t groups[NGROUPS_MAX + 1];
	int count = getgroups(NGROUPS_MAX, groups);

	groups[count < 0 ? 0 : count] = getgid();
	authorize_load(&authorization, NETSETUP_CONF, getuid(), groups,
		       (size_t)(count < 0 ? 0 : count) + 1);
	if (!authorization.refusal.code)
		return check_finding(finding, SEVERITY_OK, "%zu rule%s of %s allow%s VMs to '%s'",
				     authorization.count, authorization.count == 1 ? "" : "s",
				     NETSETUP_CONF, authorization.count == 1 ? "s" : "",
				     authorization.name);
	*finding = authorization.refusal;
	return SEVERITY_FAIL;
}

enum severity check_helper_policy(struct check *check, struct error *finding)
{
	cleanup_free struct policy *policy = calloc(1, sizeof(*policy));
	char path[PATH_MAX];
	struct error ignored;
	bool setuid;
	int ret;

	if (!policy)
		return check_finding(finding, SEVERITY_WARN, "out of memory");
	ret = policy_file_read(NETSETUP_CONF, policy, finding);
	if (ret == -EACCES)
		return check_finding(finding, SEVERITY_NOTE, "%s can be read by root only",
				     NETSETUP_CONF);
	if (ret < 0 && ret != -ENOENT)
		return SEVERITY_FAIL;
	if (!check->helpers->as_root && libexec_find(HELPER, path, &ignored) == 0 &&
	    has_rights(path, &setuid))
		return check_authorization(finding);
	memset(finding, 0, sizeof(*finding));
	if (ret == -ENOENT)
		return check_finding(finding, SEVERITY_OK,
				     "none: VMs on the LAN need root or sudo");
	return check_finding(finding, SEVERITY_OK, "%s has %zu rule%s; root needs none",
			     NETSETUP_CONF, policy->count, policy->count == 1 ? "" : "s");
}

static void count_removal(const char *command, void *context)
{
	unsigned int *count = context;

	(*count)++;
}

/* Counts what 'vmrun clean' would remove: the user's files, and what the helper finds. */
enum severity check_helper_leftovers(struct check *check, struct error *finding)
{
	unsigned int users = 0, hosts = 0;
	const struct removal removal = { true, count_removal, &users };
	const struct netsetup_listener listener = { .change = count_removal, .context = &hosts };
	struct error err;
	bool host_checked;

	stale_remove(&removal);
	host_checked = check->helpers->helper.socket >= 0 &&
		       netsetup_clean(&check->helpers->helper, true, &listener, &err) == 0;
	if (users + hosts > 0) {
		check_finding(finding, SEVERITY_WARN, "%u leftover%s of dead runs", users + hosts,
			      users + hosts == 1 ? "" : "s");
		error_remedy(finding, "%svmrun clean", hosts ? "sudo " : "");
		return SEVERITY_WARN;
	}
	if (host_checked)
		return check_finding(finding, SEVERITY_OK, "none");
	check_finding(finding, SEVERITY_NOTE,
		      "none in your directories; only root can see those of the network");
	error_remedy(finding, "sudo vmrun clean --dry-run");
	return SEVERITY_NOTE;
}
