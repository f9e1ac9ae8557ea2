// SPDX-License-Identifier: GPL-2.0-or-later
// Restricts netsetup to the system calls that it needs (seccomp).
#ifndef NETSETUP_CONFINE_SECCOMP_H
#define NETSETUP_CONFINE_SECCOMP_H

#include "netsetup/base/error.h"

/**
 * seccomp_confine() - let the kernel kill this process, with a line in its log, for a system call
 * that the tables in seccomp.c lack (seccomp(2), SECCOMP_RET_KILL_PROCESS). Must be the last step
 * of start-up, with no_new_privs set.
 *
 * A build with sanitizers has no filter, because their runtimes make other calls.
 *
 * Return: 0, or a negative errno, after which the process must exit.
 */
int seccomp_confine(struct error *err);

/* seccomp_confine_maker() - the same for the maker. */
int seccomp_confine_maker(struct error *err);

/**
 * seccomp_confine_worker() - the same for the worker, whose table has no call that opens a file or
 * a socket, that names an address, or that affects another process.
 *
 * Return: 0, or a negative errno, after which the process must exit.
 */
int seccomp_confine_worker(struct error *err);

#endif
