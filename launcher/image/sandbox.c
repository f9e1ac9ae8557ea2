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

/* Covers the largest window of the formats and the unpacker's own memory. */
#define UNPACK_MEMORY (UINT64_C(768) << 20)

/* Name servers are asked by TCP if an answer is too long for UDP. */
#define NAME_PORT 53

/*
 * The kernel's interface (Documentation/userspace-api/landlock.rst). linux/landlock.h of the build
 * machine may be older than the kernel that vmrun runs on.
 */
#define CREATE_RULESET_VERSION (1U << 0)
#define RULE_PATH_BENEATH      1
#define RULE_NET_PORT          2

#define EXECUTE    (1ULL << 0)
#define WRITE_FILE (1ULL << 1)
#define READ_FILE  (1ULL << 2)
#define READ_DIR   (1ULL << 3)
#define MAKE_CHAR  (1ULL << 6)
#define MAKE_BLOCK (1ULL << 11)
#define READ       (READ_FILE | READ_DIR)

#define CONNECT_TCP (1ULL << 1)

struct ruleset {
	uint64_t handled_fs;
	uint64_t handled_net;
	uint64_t scoped;
};

struct path_beneath {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

struct net_port {
	uint64_t allowed;
	uint64_t port;
};

/* The rights that each version of the interface can deny; a row's index is the version. */
static const struct ruleset versions[] = {
	{ 0, 0, 0 },
	{ (1ULL << 13) - 1, 0, 0 }, /* Linux 5.13 */
	{ (1ULL << 14) - 1, 0, 0 }, /* 5.19: REFER */
	{ (1ULL << 15) - 1, 0, 0 }, /* 6.2: TRUNCATE */
	{ (1ULL << 15) - 1, 3, 0 }, /* 6.7: bind and connect by TCP */
	{ (1ULL << 16) - 1, 3, 0 }, /* 6.10: IOCTL_DEV */
	{ (1ULL << 16) - 1, 3, 3 }, /* 6.12: abstract sockets and signals */
};

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

static int allow(int ruleset, int fd, uint64_t rights)
{
	const struct path_beneath rule = { .allowed = rights, .parent = fd };

	return (int)syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0);
}

static int allow_path(int ruleset, const char *path, uint64_t rights)
{
	cleanup_fd int fd = open(path, O_PATH | O_CLOEXEC);

	return fd < 0 ? 0 : allow(ruleset, fd, rights);
}

/* Allows libraries, certificates and name services of usual systems, but no home directory. */
static int allow_system(int ruleset)
{
	static const char *const paths[] = { "/etc",       "/usr",
					     "/lib",       "/lib64",
					     "/run",       "/var/lib/ca-certificates",
					     "/nix/store", "/gnu/store",
					     "/opt",       "/sys/devices/system/cpu" };
	int ret = 0;

	for (size_t i = 0; i < ARRAY_SIZE(paths) && !ret; i++)
		ret = allow_path(ruleset, paths[i], READ);
	if (!ret)
		ret = allow_path(ruleset, "/proc/self", READ);
	if (!ret)
		ret = allow_path(ruleset, "/dev/urandom", READ_FILE);
	if (!ret)
		ret = allow_path(ruleset, "/dev/null", READ_FILE | WRITE_FILE);
	return ret;
}

static int allow_files(int ruleset, const struct sandbox *sandbox, uint64_t rights)
{
	int ret = allow(ruleset, sandbox->directory, rights & ~(EXECUTE | MAKE_CHAR | MAKE_BLOCK));

	if (!ret)
		ret = allow_system(ruleset);
	for (size_t i = 0; i < sandbox->file_count && !ret; i++)
		ret = allow_path(ruleset, sandbox->files[i], READ_FILE);
	return ret;
}

static int allow_port(int ruleset, uint16_t port)
{
	const struct net_port rule = { .allowed = CONNECT_TCP, .port = port };

	return (int)syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule, 0);
}

static int allow_ports(int ruleset, const struct sandbox *sandbox)
{
	int ret = sandbox->port_count ? allow_port(ruleset, NAME_PORT) : 0;

	for (size_t i = 0; i < sandbox->port_count && !ret; i++)
		ret = allow_port(ruleset, sandbox->ports[i]);
	return ret;
}

int sandbox_enter(const struct sandbox *sandbox, struct error *err)
{
	const long version = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
	struct ruleset handled;
	cleanup_fd int ruleset = -1;
	int ret = 0;

	if (version < 1)
		return 0;
	handled = versions[(size_t)version < ARRAY_SIZE(versions) ? (size_t)version
								  : ARRAY_SIZE(versions) - 1];
	if (sandbox->directory < 0)
		handled.handled_fs = 0;
	if (!handled.handled_fs && !handled.handled_net)
		return 0;
	/* An older kernel accepts a larger structure if the bytes unknown to it are zero. */
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
	if (ruleset < 0)
		return error_set_errno(err, errno, "cannot restrict this process");
	if (handled.handled_fs)
		ret = allow_files(ruleset, sandbox, handled.handled_fs);
	if (!ret && handled.handled_net)
		ret = allow_ports(ruleset, sandbox);
	if (!ret)
		ret = (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
	return ret ? error_set_errno(err, errno, "cannot restrict this process") : 0;
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
