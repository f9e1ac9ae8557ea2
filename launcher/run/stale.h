// SPDX-License-Identifier: GPL-2.0-or-later
// Removes files that runs which died have left.
#ifndef LAUNCHER_RUN_STALE_H
#define LAUNCHER_RUN_STALE_H

#include "launcher/common/remove.h"

/* sweep_user() - clean runtime directories and overlays of VMs that do not run, and the cache. */
void sweep_user(const struct sweep *sweep);

#endif
