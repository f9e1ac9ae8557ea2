// SPDX-License-Identifier: GPL-2.0-or-later
// Resets what a process inherits from the one that started it.
#ifndef NETSETUP_KEEPER_INHERITED_H
#define NETSETUP_KEEPER_INHERITED_H

#include "netsetup/base/error.h"

/**
 * inherited_reset() - set back to defaults: descriptors, environment, signals, umask, working
 * directory, resource limits, priorities, processors and the out-of-memory score.
 * @keep: a descriptor to keep besides the standard ones, made close-on-exec and blocking; or -1.
 *
 * Blocks all signals. Limits and priorities are reset as far as the kernel permits.
 *
 * Return: 0 or a negative errno, after which the process must exit.
 */
int inherited_reset(int keep, struct error *err);

#endif
