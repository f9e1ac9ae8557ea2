// SPDX-License-Identifier: GPL-2.0-or-later
// Restricts netsetup to the few files that it needs (Landlock).
#include "netsetup/confine/landlock.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ruleset.h"
#include "netsetup/kernel/netns.h"

#ifdef VMRUN_SANITIZE

/* The sanitizers' runtimes read many files of /proc and start a program that names functions. */
int landlock_confine(struct error *err)
{
	return 0;
}

#else

#define OWN_FILES (RULESET_WRITE | RULESET_MAKE_REG | RULESET_REMOVE_FILE)

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
	{ "/run", RULESET_REMOVE_DIR, false },
	{ NETNS_RUN_DIR, OWN_FILES | RULESET_READ_DIR | RULESET_MAKE_DIR | RULESET_REMOVE_DIR,
	  false },
	/* sysctl.c: values of the tap and the uplink. */
	{ "/proc/sys/net/ipv4/conf", RULESET_WRITE, true },
	{ "/proc/sys/net/ipv4/neigh", RULESET_WRITE, true },
	{ "/proc/sys/net/ipv6/conf", RULESET_WRITE, true },
	/* tap.c */
	{ "/dev/net/tun", RULESET_WRITE | RULESET_IOCTL_DEV, false },
	/* wireless.c: /sys/class/net/IFNAME links to it. */
	{ "/sys/devices", RULESET_READ_FILE, false },
};

/* A missing path gets no rule and stays denied: IPv6 in some kernels, sysfs in some containers. */
static int allow(const struct ruleset *ruleset, const struct reachable *reachable,
		 struct error *err)
{
	/* This descriptor stays open. */
	if (reachable->keep_open)
		open(reachable->path, O_PATH | O_CLOEXEC);
	return ruleset_allow_path(ruleset, reachable->path, reachable->allowed, err);
}

int landlock_confine(struct error *err)
{
	struct ruleset ruleset;
	int ret = ruleset_new(&(struct ruleset_denied){ true, true, true, true }, &ruleset, err);

	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(reachables); i++)
		ret = allow(&ruleset, &reachables[i], err);
	if (ret == 0) {
		ret = ruleset_enter(&ruleset);
		if (ret < 0)
			error_set_errno(err, -ret, "cannot confine this process to its files");
	}
	ruleset_done(&ruleset);
	return ret;
}

#endif
