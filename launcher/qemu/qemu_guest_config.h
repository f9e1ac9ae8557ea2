// SPDX-License-Identifier: GPL-2.0-or-later
// Adds QEMU's arguments for Ignition and system credentials.
#ifndef LAUNCHER_QEMU_QEMU_GUEST_CONFIG_H
#define LAUNCHER_QEMU_QEMU_GUEST_CONFIG_H

#include "launcher/common/argv.h"
#include "launcher/definition/machine_plan.h"
#include "netsetup/base/error.h"

/*
 * qemu_add_ignition(), qemu_add_credentials() - add the arguments of what configures the guest.
 *
 * Return: 0, or -EINVAL with the error set. Memory that runs out is noted in the vector.
 */
int qemu_add_ignition(const struct machine_plan *plan, struct argv *argv, struct error *err);
int qemu_add_credentials(const struct machine_plan *plan, struct argv *argv, struct error *err);

#endif
