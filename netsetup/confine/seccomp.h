// SPDX-License-Identifier: GPL-2.0-or-later
// The system calls that netsetup makes; any other one ends it.
#ifndef NETSETUP_CONFINE_SECCOMP_H
#define NETSETUP_CONFINE_SECCOMP_H

#include "netsetup/base/error.h"

/**
 * syscalls_confine() - from now on a system call that the tables in seccomp.c do not name kills
 * this process, and is logged by the kernel (seccomp(2), SECCOMP_RET_KILL_PROCESS). The last step of
 * start-up, with no_new_privs set.
 * @err: the error.
 *
 * A build with the sanitizers, whose runtimes make calls of their own, has no filter.
 *
 * Return: 0; or a negative errno, after which the process must not go on.
 */
int syscalls_confine(struct error *err);

#endif
