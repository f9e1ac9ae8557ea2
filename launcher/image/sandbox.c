// SPDX-License-Identifier: GPL-2.0-or-later
// Restricts this program before it reads untrusted bytes.
#include "launcher/image/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launcher/image/calls.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ruleset.h"

/* Covers the largest window of the formats and the unpacker's own memory. */
#define UNPACK_MEMORY (UINT64_C(768) << 20)

/* Name servers are asked by TCP if an answer is too long for UDP. */
#define NAME_PORT 53

static int limit(int resource, rlim_t most)
{
	const struct rlimit limits = { most, most };

	return setrlimit(resource, &limits) < 0 ? -errno : 0;
}

int sandbox_process(struct error *err)
{
	int ret;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, SANITIZED) < 0)
		return error_set_errno(err, errno, "cannot give up privileges");
	ret = limit(RLIMIT_CORE, 0);
	if (!ret)
		ret = limit(RLIMIT_NOFILE, 64);
	if (ret)
		return error_set_errno(err, -ret, "cannot limit resources");
	ret = calls_filter();
	return ret ? error_set_errno(err, -ret, "cannot filter system calls") : 0;
}

/* Allows libraries, certificates and name services of usual systems, but no home directory. */
static int allow_system(const struct ruleset *ruleset, struct error *err)
{
	static const char *const paths[] = { "/etc",       "/usr",
					     "/lib",       "/lib64",
					     "/run",       "/var/lib/ca-certificates",
					     "/nix/store", "/gnu/store",
					     "/opt",       "/sys/devices/system/cpu",
					     "/proc/self" };
	int ret = 0;

	for (size_t i = 0; i < ARRAY_SIZE(paths) && !ret; i++)
		ret = ruleset_allow_path(ruleset, paths[i], RULESET_READ, err);
	if (!ret)
		ret = ruleset_allow_path(ruleset, "/dev/urandom", RULESET_READ, err);
	return ret ? ret : ruleset_allow_path(ruleset, "/dev/null", RULESET_WRITE, err);
}

static int allow_files(const struct ruleset *ruleset, const struct sandbox *sandbox,
		       struct error *err)
{
	int ret = allow_system(ruleset, err);

	for (size_t i = 0; i < sandbox->file_count && !ret; i++)
		ret = ruleset_allow_path(ruleset, sandbox->files[i], RULESET_READ, err);
	if (ret)
		return ret;
	ret = ruleset_allow(ruleset, sandbox->directory, RULESET_CHANGE);
	return ret ? error_set_errno(err, -ret, "cannot restrict access to files") : 0;
}

static int allow_ports(const struct ruleset *ruleset, const struct sandbox *sandbox)
{
	int ret = sandbox->port_count ? ruleset_allow_port(ruleset, NAME_PORT) : 0;

	for (size_t i = 0; i < sandbox->port_count && !ret; i++)
		ret = ruleset_allow_port(ruleset, sandbox->ports[i]);
	return ret;
}

int sandbox_enter(const struct sandbox *sandbox, struct error *err)
{
	const struct ruleset_denied denied = {
		.files = sandbox->directory >= 0, .tcp = true, .abstract = true, .signals = true
	};
	struct ruleset ruleset;
	int ret = ruleset_new(&denied, &ruleset, err);

	if (!ret && denied.files)
		ret = allow_files(&ruleset, sandbox, err);
	if (!ret) {
		ret = allow_ports(&ruleset, sandbox);
		if (!ret)
			ret = ruleset_enter(&ruleset);
		if (ret)
			error_set_errno(err, -ret, "cannot restrict this process");
	}
	ruleset_done(&ruleset);
	return ret;
}

/* Runs in the child. Moves them above all open descriptors first, so that none is overwritten. */
static int move_fds(int *fds[3])
{
	int moved[3];

	for (int i = 0; i < 3; i++) {
		moved[i] = fcntl(*fds[i], F_DUPFD_CLOEXEC, 32);
		if (moved[i] < 0)
			return -errno;
	}
	for (int i = 0; i < 3; i++) {
		*fds[i] = STDERR_FILENO + 1 + i;
		if (dup2(moved[i], *fds[i]) < 0)
			return -errno;
	}
	return syscall(SYS_close_range, STDERR_FILENO + 4, ~0u, 0) < 0 ? -errno : 0;
}

int sandbox_unpack(int *input, int *output, int *answer)
{
	int *fds[] = { input, output, answer };
	int ret = move_fds(fds);

	if (ret || SANITIZED)
		return ret;
	ret = limit(RLIMIT_AS, UNPACK_MEMORY);
	return ret ? ret : calls_filter_unpack();
}
