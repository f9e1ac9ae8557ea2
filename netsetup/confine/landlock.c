// SPDX-License-Identifier: GPL-2.0-or-later
// The few files that netsetup reaches, whatever its user may reach (Landlock).
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

/* The sanitizers' runtimes read much of /proc, and start a program to name functions. */
int landlock_confine(struct error *err)
{
	return 0;
}

#else

/*
 * The kernel's interface (Documentation/userspace-api/landlock.rst), written out: the header of the
 * machine that builds may know less than the kernel of the machine that runs.
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

/* What each version of the interface knows, and so can be asked to deny. */
static const struct ruleset_attributes known[] = {
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
 * What is reached, by whom. Reading a symbolic link and asking whether a file is there are not
 * among what Landlock decides on. A directory under /proc/sys/net is made anew, as another one to
 * Landlock, when the kernel was short of memory and has forgotten it (proc_sys_make_inode() in
 * fs/proc/proc_sysctl.c): a descriptor that stays open keeps it.
 */
static const struct place {
	const char *path;
	uint64_t allowed;
	bool kept;
} places[] = {
	/* Leases, in lease/. /run itself: to remove an empty /run/vmrun. */
	{ "/run", REMOVE_DIR, false },
	{ RUNDIR_PATH, OWN_FILES | READ_DIR | MAKE_DIR | REMOVE_DIR, false },
	/* sysctl.c: the values of the tap and the uplink. */
	{ "/proc/sys/net/ipv4/conf", READ_FILE | WRITE_FILE | TRUNCATE, true },
	{ "/proc/sys/net/ipv4/neigh", READ_FILE | WRITE_FILE | TRUNCATE, true },
	{ "/proc/sys/net/ipv6/conf", READ_FILE | WRITE_FILE | TRUNCATE, true },
	/* tap.c */
	{ "/dev/net/tun", READ_FILE | WRITE_FILE | IOCTL_DEV, false },
	/* wireless.c: /sys/class/net/IFNAME is a link to there. */
	{ "/sys/devices", READ_FILE, false },
};

/* What is not there cannot be reached later either: IPv6 in some kernels, sysfs in some containers. */
static int allow(int ruleset, const struct place *place, uint64_t handled, struct error *err)
{
	struct path_beneath rule = { .allowed = place->allowed & handled };
	cleanup_fd int fd = open(place->path, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES
			       ? 0
			       : error_set(err, errno, "cannot open '%s'", place->path);
	rule.parent = fd;
	if (syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) < 0)
		return error_set(err, errno, "cannot confine this process to '%s'", place->path);
	if (place->kept)
		take_fd(&fd);
	return 0;
}

int landlock_confine(struct error *err)
{
	const long version = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
	struct ruleset_attributes handled;
	cleanup_fd int ruleset = -1;
	int rc = 0;

	if (version <= 0)
		return 0;
	handled = known[(size_t)version < ARRAY_SIZE(known) ? (size_t)version
							    : ARRAY_SIZE(known) - 1];
	/* An older kernel takes a larger structure whose unknown end is zero. */
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
	if (ruleset < 0)
		return error_set(err, errno, "cannot confine this process to its files");
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(places); i++)
		rc = allow(ruleset, &places[i], handled.handled_fs, err);
	if (rc == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		rc = error_set(err, errno, "cannot confine this process to its files");
	return rc;
}

#endif
