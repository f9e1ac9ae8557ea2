// SPDX-License-Identifier: GPL-2.0-or-later
// Defines numbers that several layers must agree on.
#ifndef NETSETUP_BASE_IDS_H
#define NETSETUP_BASE_IDS_H

#include <sched.h>
#include <signal.h>

/* Flags of clone(2) for a standby helper. The seccomp filter allows these and those of fork(). */
#define STANDBY_CLONE_FLAGS (CLONE_PARENT | CLONE_PIDFD | SIGCHLD)

#endif
