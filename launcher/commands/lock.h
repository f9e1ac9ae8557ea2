// SPDX-License-Identifier: GPL-2.0-or-later
// Runs the command lock.
#ifndef LAUNCHER_COMMANDS_LOCK_H
#define LAUNCHER_COMMANDS_LOCK_H

#include "launcher/common/options.h"
#include "netsetup/base/error.h"

/* lock_run() - the command lock; returns the exit status, its error is in @err. */
int lock_run(const struct options *options, struct error *err);

#endif
