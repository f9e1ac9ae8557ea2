// SPDX-License-Identifier: GPL-2.0-or-later
// Confines a program that vmrun starts to its files and system calls.
#ifndef LAUNCHER_COMMON_CONFINEMENT_H
#define LAUNCHER_COMMON_CONFINEMENT_H

#include <linux/filter.h>
#include <stdbool.h>

#include "netsetup/base/error.h"
#include "netsetup/base/ruleset.h"

/**
 * struct confinement - the limits of one program.
 * @ruleset: its files and sockets; ruleset_allow_path() adds to it.
 * @filter: its system calls; owned.
 */
struct confinement {
	struct ruleset ruleset;
	struct sock_fprog filter;
};

#define CONFINEMENT_NONE                \
	{                               \
		.ruleset = RULESET_NONE \
	}

/**
 * struct confinement_needs - the needs of a program beyond its files.
 * @inet: sockets of all families. Without it, AF_UNIX and AF_NETLINK are left.
 * @connect: connect(2), and sockets of AF_UNIX for datagrams.
 * @local: to make sockets of AF_UNIX; inherited ones and socketpair(2) are no matter of this.
 * @abstract: to connect to abstract sockets of other programs (denied since Linux 6.12).
 * @mounts: to make namespaces and mounts. Landlock cannot allow these beside rules for files, so
 *          the program must restrict its files itself.
 * @attributes: to change modes, owners, times and attributes of files by their paths. Landlock
 *              denies these nowhere.
 * @keys: io_uring and the kernel's keys.
 */
struct confinement_needs {
	bool inet;
	bool connect;
	bool local;
	bool abstract;
	bool mounts;
	bool attributes;
	bool keys;
};

/**
 * confinement_new() - make the limits of a program: it reads and runs what the system has in /usr
 * and /lib, and uses /dev/null, /dev/urandom and a few files of /etc, /proc and /sys.
 *
 * Threat: who has taken the program over reads the user's files, talks to the user's other programs
 * or traces them, or attacks the kernel by rare system calls. Check: Landlock, of what version the
 * kernel has, and a filter of system calls, which fail with EPERM.
 * @confinement: end it with confinement_done().
 *
 * Return: 0 or a negative errno.
 */
int confinement_new(const struct confinement_needs *needs, struct confinement *confinement,
		    struct error *err);

/* confinement_enter() - confine this process for ever. Async-signal-safe. 0 or a negative errno. */
int confinement_enter(const struct confinement *confinement);

void confinement_done(struct confinement *confinement);

#endif
