// SPDX-License-Identifier: GPL-2.0-or-later
// Adds QEMU's arguments for shared directories.
#ifndef LAUNCHER_QEMU_QEMU_SHARE_H
#define LAUNCHER_QEMU_QEMU_SHARE_H

#include "launcher/common/argv.h"
#include "launcher/definition/machine_plan.h"
#include "netsetup/base/error.h"

/*
 * qemu_add_shares() - add the arguments of all shares.
 *
 * Return: 0, or -EINVAL with the error set. Memory that runs out is noted in the vector.
 */
int qemu_add_shares(const struct machine_plan *plan, struct argv *argv, struct error *err);

#endif
