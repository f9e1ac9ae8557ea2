// SPDX-License-Identifier: GPL-2.0-or-later
// Removes stale files of runs that died.
#ifndef LAUNCHER_RUN_STALE_H
#define LAUNCHER_RUN_STALE_H

#include "launcher/common/remove.h"

/* stale_remove() - remove stale files of all VMs that do not run, and of the image cache. */
void stale_remove(const struct removal *removal);

#endif
