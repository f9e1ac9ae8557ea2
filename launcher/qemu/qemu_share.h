// SPDX-License-Identifier: GPL-2.0-or-later
// Adds QEMU's arguments for shared directories (9p and virtiofs).
#ifndef LAUNCHER_QEMU_QEMU_SHARE_H
#define LAUNCHER_QEMU_QEMU_SHARE_H

#include "launcher/common/argv.h"
#include "launcher/definition/machine_plan.h"
#include "netsetup/base/error.h"

/*
 * qemu_share_add() - add the arguments of all shares.
 *
 * Return: 0, or -EINVAL for an unsafe value. If memory runs out, @argv->failed is set.
 */
int qemu_share_add(const struct machine_plan *plan, struct argv *argv, struct error *err);

#endif
