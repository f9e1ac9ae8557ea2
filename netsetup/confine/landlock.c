// SPDX-License-Identifier: GPL-2.0-or-later
// Restricts netsetup to the few files that it needs (Landlock).
#include "netsetup/confine/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/kernel/netns.h"

#ifdef VMRUN_SANITIZE

/* The sanitizers' runtimes read many files of /proc and start a program that names functions. */
int landlock_confine(struct error *err)
{
	return 0;
}

#else

/*
 * The kernel's interface (Documentation/userspace-api/landlock.rst). linux/landlock.h of the build
 * machine may be older than the kernel that vmrun runs on.
 */
#define CREATE_RULESET_VERSION (1U << 0)
#define RULE_PATH_BENEATH      1

#define WRITE_FILE  (1ULL << 1)
#define READ_FILE   (1ULL << 2)
#define READ_DIR    (1ULL << 3)
#define REMOVE_DIR  (1ULL << 4)
#define REMOVE_FILE (1ULL << 5)
#define MAKE_DIR    (1ULL << 7)
#define MAKE_REG    (1ULL << 8)
#define TRUNCATE    (1ULL << 14)
#define IOCTL_DEV   (1ULL << 15)

struct ruleset_attributes {
	uint64_t handled_fs;
	uint64_t handled_net;
	uint64_t scoped;
};

struct path_beneath {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

/* The rights that each version of the interface can deny; a row's index is the version. */
static const struct ruleset_attributes versions[] = {
	{ 0, 0, 0 },
	{ (1ULL << 13) - 1, 0, 0 }, /* Linux 5.13 */
	{ (1ULL << 14) - 1, 0, 0 }, /* 5.19: REFER */
	{ (1ULL << 15) - 1, 0, 0 }, /* 6.2: TRUNCATE */
	{ (1ULL << 15) - 1, 3, 0 }, /* 6.7: bind and connect by TCP */
	{ (1ULL << 16) - 1, 3, 0 }, /* 6.10: IOCTL_DEV */
	{ (1ULL << 16) - 1, 3, 3 }, /* 6.12: abstract sockets and signals */
};

#define OWN_FILES (READ_FILE | WRITE_FILE | TRUNCATE | MAKE_REG | REMOVE_FILE)

/*
 * The files and the code that opens them. Landlock does not restrict readlink() and access(). When
 * memory is short, the kernel drops the inode of a directory under /proc/sys/net and later makes a
 * new one, which Landlock does not know (proc_sys_make_inode() in fs/proc/proc_sysctl.c). A
 * descriptor with @keep_open holds the inode.
 */
static const struct reachable {
	const char *path;
	uint64_t allowed;
	bool keep_open;
} reachables[] = {
	/* lease/: leases. /run itself: to remove an empty /run/vmrun. */
	{ "/run", REMOVE_DIR, false },
	{ NETNS_RUN_DIR, OWN_FILES | READ_DIR | MAKE_DIR | REMOVE_DIR, false },
	/* sysctl.c: values of the tap and the uplink. */
	{ "/proc/sys/net/ipv4/conf", READ_FILE | WRITE_FILE | TRUNCATE, true },
	{ "/proc/sys/net/ipv4/neigh", READ_FILE | WRITE_FILE | TRUNCATE, true },
	{ "/proc/sys/net/ipv6/conf", READ_FILE | WRITE_FILE | TRUNCATE, true },
	/* tap.c */
	{ "/dev/net/tun", READ_FILE | WRITE_FILE | IOCTL_DEV, false },
	/* wireless.c: /sys/class/net/IFNAME links to it. */
	{ "/sys/devices", READ_FILE, false },
};

/* A missing path gets no rule and stays denied: IPv6 in some kernels, sysfs in some containers. */
static int allow(int ruleset, const struct reachable *reachable, uint64_t handled,
		 struct error *err)
{
	struct path_beneath rule = { .allowed = reachable->allowed & handled };
	cleanup_fd int fd = open(reachable->path, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES
			       ? 0
			       : error_set_errno(err, errno, "cannot open '%s'", reachable->path);
	rule.parent = fd;
	if (syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) < 0)
		return error_set_errno(err, errno, "cannot confine this process to '%s'",
				       reachable->path);
	if (reachable->keep_open)
		take_fd(&fd);
	return 0;
}

int landlock_confine(struct error *err)
{
	const long version = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
	struct ruleset_attributes handled;
	cleanup_fd int ruleset = -1;
	int ret = 0;

	if (version <= 0)
		return 0;
	handled = versions[(size_t)version < ARRAY_SIZE(versions) ? (size_t)version
								  : ARRAY_SIZE(versions) - 1];
	/* An older kernel accepts a larger structure if the bytes unknown to it are zero. */
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
	if (ruleset < 0)
		return error_set_errno(err, errno, "cannot confine this process to its files");
	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(reachables); i++)
		ret = allow(ruleset, &reachables[i], handled.handled_fs, err);
	if (ret == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		ret = error_set_errno(err, errno, "cannot confine this process to its files");
	return ret;
}

#endif
