// SPDX-License-Identifier: GPL-2.0-or-later
// Checks vmrun-netsetup, its device and its policy.
#include "launcher/doctor/check_service.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/common/installation.h"
#include "launcher/run/stale.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/policy/authorize.h"
#include "netsetup/policy/policy_file.h"
#include "netsetup/protocol/libexec.h"

#define HELPER "vmrun-netsetup"

/* EACCES is no problem: the service opens the device, not the user. */
enum severity check_service_tun(struct check *check, struct error *finding)
{
	cleanup_fd int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd >= 0 || errno == EACCES)
		return check_finding(finding, SEVERITY_OK, "/dev/net/tun is there");
	error_set_errno(finding, errno, "cannot open '/dev/net/tun'");
	error_remedy(finding, "sudo modprobe tun");
	return SEVERITY_FAIL;
}

#define UNIT "vmrun-netsetup.socket"

/* Returns true if one of the directories of systemd's units has an entry, as a dangling link. */
static bool unit_exists(const char *subdirectory)
{
	static const char *const directories[] = { "/etc/systemd/system", "/run/systemd/system",
						   "/usr/local/lib/systemd/system",
						   "/usr/lib/systemd/system",
						   "/lib/systemd/system" };
	char path[PATH_MAX];
	struct stat status;

	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		snprintf(path, sizeof(path), "%s/%s" UNIT, directories[i], subdirectory);
		if (lstat(path, &status) == 0)
			return true;
	}
	return false;
}

/* Nothing serves a user: the service is not installed, or does not listen. */
static enum severity no_service(struct error *finding)
{
	check_finding(finding, SEVERITY_WARN, "no service listens at '%s'", PROTOCOL_SOCKET);
	error_remedy(finding,
		     "start VMs as root; vmrun drops root's rights at once: sudo vmrun FILE");
	error_remedy(finding, unit_exists("") ? "or start the service: "
						"sudo systemctl enable --now " UNIT
					      : "or install the service: vmrun-netsetup(8)");
	return SEVERITY_WARN;
}

static enum severity check_rights(struct check *check, struct error *finding)
{
	const struct lan_connection *connection = check->connection;
	char path[PATH_MAX];

	if (libexec_find(HELPER, path, finding) < 0)
		return SEVERITY_FAIL;
	if (connection->error.code == ENOENT && !connection->as_root)
		return no_service(finding);
	if (connection->error.code) {
		*finding = connection->error;
		return SEVERITY_FAIL;
	}
	if (connection->netsetup.pid > 0)
		return check_finding(finding, SEVERITY_OK, "%s, as root", path);
	if (!unit_exists("") || unit_exists("sockets.target.wants/"))
		return check_finding(finding, SEVERITY_OK, "a service listens");
	check_finding(finding, SEVERITY_WARN, "a service listens, but not after the next boot");
	error_remedy(finding, "sudo systemctl enable " UNIT);
	return SEVERITY_WARN;
}

enum severity check_service_rights(struct check *check, struct error *finding)
{
	const enum severity severity = check_rights(check, finding);

	return installation_add_remedy(finding) && severity == SEVERITY_OK ? SEVERITY_WARN
									   : severity;
}

/* Checks the policy as the service does it for a user without root's rights. */
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

enum severity check_service_policy(struct check *check, struct error *finding)
{
	cleanup_free struct policy *policy = calloc(1, sizeof(*policy));
	int ret;

	if (!policy)
		return check_finding(finding, SEVERITY_WARN, "out of memory");
	ret = policy_file_read(NETSETUP_CONF, policy, finding);
	if (ret == -EACCES)
		return check_finding(finding, SEVERITY_NOTE, "%s can be read by root only",
				     NETSETUP_CONF);
	if (ret < 0 && ret != -ENOENT)
		return SEVERITY_FAIL;
	if (!check->connection->as_root && check->connection->netsetup.socket >= 0)
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

/* Asks the service, or a child of this user, who can look but change nothing. */
static bool check_host(struct check *check, const struct netsetup_listener *listener)
{
	const struct netsetup_listener none = { 0 };
	struct netsetup own = NETSETUP_NONE, *netsetup = &check->connection->netsetup;
	struct error err;
	bool ret;

	if (netsetup->socket < 0 && netsetup_open(&own, true, &err) == 0)
		netsetup = &own;
	ret = netsetup->socket >= 0 && netsetup_clean(netsetup, true, listener, &err) == 0;
	netsetup_end(&own, &none);
	return ret;
}

/* Counts what 'vmrun clean' would remove: the user's files, and what the service finds. */
enum severity check_service_leftovers(struct check *check, struct error *finding)
{
	unsigned int users = 0, hosts = 0;
	const struct removal removal = { true, count_removal, &users };
	const struct netsetup_listener listener = { .change = count_removal, .context = &hosts };
	bool host_checked;

	stale_remove(&removal);
	host_checked = check_host(check, &listener);
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
