// SPDX-License-Identifier: GPL-2.0-or-later
// Numbers that several layers must agree on.
#ifndef NETSETUP_BASE_IDS_H
#define NETSETUP_BASE_IDS_H

#include <sched.h>
#include <signal.h>

/* Of clone(2) for a standby helper. The seccomp filter allows this and fork(), no other process. */
#define SPARE_CLONE_FLAGS (CLONE_PARENT | CLONE_PIDFD | SIGCHLD)

#endif
