// SPDX-License-Identifier: GPL-2.0-or-later
// Restricts netsetup to the few files that it needs (Landlock).
#include "netsetup/confine/landlock.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/netns.h"
#include "netsetup/base/ruleset.h"

#ifdef VMRUN_SANITIZE

/* The sanitizers' runtimes read many files of /proc and start a program that names functions. */
int landlock_confine(struct error *err)
{
	return 0;
}

int landlock_confine_maker(struct error *err)
{
	return 0;
}

int landlock_confine_worker(struct error *err)
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
struct reachable {
	const char *path;
	uint64_t allowed;
	bool keep_open;
};

/* The service: it reads, and writes nothing but its state. */
static const struct reachable service_files[] = {
	/*
	 * policy_file.c, authorize.c: the policy, users and groups. known_hosts.c: the resolver's.
	 */
	{ NETSETUP_CONF_DIR, RULESET_READ_FILE, false },
	{ "/etc", RULESET_READ_FILE, false },
	/* known_hosts.c; state.c: to remove an empty /run/vmrun. */
	{ "/run", RULESET_READ_FILE | RULESET_REMOVE_DIR, false },
	/* state.c, service.c */
	{ NETNS_RUN_DIR, OWN_FILES | RULESET_REMOVE_DIR | RULESET_MAKE_SOCK, false },
	/* sysctl.c: values of the tap and the uplink. */
	{ "/proc/sys/net/ipv4/conf", RULESET_READ_FILE, true },
	{ "/proc/sys/net/ipv4/neigh", RULESET_READ_FILE, true },
	{ "/proc/sys/net/ipv6/conf", RULESET_READ_FILE, true },
};

/* The maker: it makes taps and sets values. */
static const struct reachable maker_files[] = {
	{ "/proc/sys/net/ipv4/conf", RULESET_WRITE, true },
	{ "/proc/sys/net/ipv4/neigh", RULESET_WRITE, true },
	{ "/proc/sys/net/ipv6/conf", RULESET_WRITE, true },
	/* tap.c */
	{ "/dev/net/tun", RULESET_WRITE | RULESET_IOCTL_DEV, false },
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

/* Restricts this process to the files of a table. */
static int confine(const struct reachable *reachables, size_t count, struct error *err)
{
	struct ruleset ruleset;
	int ret = ruleset_new(&(struct ruleset_denied){ true, true, true, true }, &ruleset, err);

	for (size_t i = 0; ret == 0 && i < count; i++)
		ret = allow(&ruleset, &reachables[i], err);
	if (ret == 0) {
		ret = ruleset_enter(&ruleset);
		if (ret < 0)
			error_set_errno(err, -ret, "cannot confine this process to its files");
	}
	ruleset_done(&ruleset);
	return ret;
}

int landlock_confine(struct error *err)
{
	return confine(service_files, ARRAY_SIZE(service_files), err);
}

int landlock_confine_maker(struct error *err)
{
	return confine(maker_files, ARRAY_SIZE(maker_files), err);
}

int landlock_confine_worker(struct error *err)
{
	return confine(NULL, 0, err);
}

#endif
