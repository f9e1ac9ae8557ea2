// SPDX-License-Identifier: GPL-2.0-or-later
// Builds a Landlock ruleset: the files and sockets that a process may use.
#include "netsetup/base/ruleset.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"

#define CREATE_RULESET_VERSION (1U << 0)
#define RULE_PATH_BENEATH      1
#define RULE_NET_PORT          2

#define CONNECT_TCP (UINT64_C(1) << 1)

#define SCOPE_ABSTRACT (UINT64_C(1) << 0)
#define SCOPE_SIGNALS  (UINT64_C(1) << 1)

struct attributes {
	uint64_t files;
	uint64_t tcp;
	uint64_t scopes;
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
static const struct attributes versions[] = {
	{ 0, 0, 0 },
	{ (UINT64_C(1) << 13) - 1, 0, 0 }, /* Linux 5.13 */
	{ (UINT64_C(1) << 14) - 1, 0, 0 }, /* 5.19: REFER */
	{ (UINT64_C(1) << 15) - 1, 0, 0 }, /* 6.2: TRUNCATE */
	{ (UINT64_C(1) << 15) - 1, 3, 0 }, /* 6.7: bind and connect by TCP */
	{ (UINT64_C(1) << 16) - 1, 3, 0 }, /* 6.10: IOCTL_DEV */
	{ (UINT64_C(1) << 16) - 1, 3, 3 }, /* 6.12: abstract sockets and signals */
	{ (UINT64_C(1) << 16) - 1, 3, 3 }, /* 6.15 */
	{ (UINT64_C(1) << 16) - 1, 3, 3 }, /* 7.0 */
	{ (UINT64_C(1) << 17) - 1, 3, 3 }, /* 7.1: RESOLVE_UNIX */
};

/* Rights that a rule for a file that is no directory may have. */
#define FILE_RIGHTS                                                                    \
	(RULESET_EXECUTE | RULESET_READ_FILE | RULESET_WRITE_FILE | RULESET_TRUNCATE | \
	 RULESET_IOCTL_DEV | RULESET_RESOLVE_UNIX)

unsigned int ruleset_version(void)
{
	const long version = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);

	return version > 0 ? (unsigned int)version : 0;
}

int ruleset_new(const struct ruleset_denied *denied, struct ruleset *ruleset, struct error *err)
{
	const unsigned int version = ruleset_version();
	struct attributes handled;

	*ruleset = (struct ruleset)RULESET_NONE;
	handled = versions[version < ARRAY_SIZE(versions) ? version : ARRAY_SIZE(versions) - 1];
	handled.files = denied->files ? handled.files : 0;
	handled.tcp = denied->tcp ? handled.tcp : 0;
	handled.scopes &= (denied->abstract ? SCOPE_ABSTRACT : 0) |
			  (denied->signals ? SCOPE_SIGNALS : 0);
	if (!handled.files && !handled.tcp && !handled.scopes)
		return 0;
	/* An older kernel accepts a larger structure if the bytes unknown to it are zero. */
	ruleset->fd = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
	ruleset->files = handled.files;
	ruleset->tcp = handled.tcp != 0;
	return ruleset->fd < 0 ? error_set_errno(err, errno, "cannot make a Landlock ruleset") : 0;
}

int ruleset_allow(const struct ruleset *ruleset, int fd, uint64_t rights)
{
	struct path_beneath rule = { .allowed = rights & ruleset->files, .parent = fd };
	struct stat status;

	if (ruleset->fd < 0)
		return 0;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISDIR(status.st_mode))
		rule.allowed &= FILE_RIGHTS;
	/* The kernel refuses a rule that allows nothing. */
	if (rule.allowed &&
	    syscall(SYS_landlock_add_rule, ruleset->fd, RULE_PATH_BENEATH, &rule, 0) < 0)
		return -errno;
	return 0;
}

int ruleset_allow_path(const struct ruleset *ruleset, const char *path, uint64_t rights,
		       struct error *err)
{
	cleanup_fd int fd = ruleset->fd < 0 ? -1 : open(path, O_PATH | O_CLOEXEC);
	int ret;

	if (ruleset->fd < 0)
		return 0;
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES
			       ? 0
			       : error_set_errno(err, errno, "cannot open '%s'", path);
	ret = ruleset_allow(ruleset, fd, rights);
	return ret ? error_set_errno(err, -ret, "cannot confine a process to '%s'", path) : 0;
}

int ruleset_allow_port(const struct ruleset *ruleset, uint16_t port)
{
	const struct net_port rule = { .allowed = CONNECT_TCP, .port = port };

	if (ruleset->fd < 0 || !ruleset->tcp)
		return 0;
	return syscall(SYS_landlock_add_rule, ruleset->fd, RULE_NET_PORT, &rule, 0) < 0 ? -errno
											: 0;
}

int ruleset_enter(const struct ruleset *ruleset)
{
	if (ruleset->fd < 0)
		return 0;
	return syscall(SYS_landlock_restrict_self, ruleset->fd, 0) < 0 ? -errno : 0;
}

void ruleset_done(struct ruleset *ruleset)
{
	cleanup_fd_done(&ruleset->fd);
	*ruleset = (struct ruleset)RULESET_NONE;
}
