// SPDX-License-Identifier: GPL-2.0-or-later
// Adds QEMU's arguments for SMBIOS strings, Ignition and system credentials.
#ifndef LAUNCHER_QEMU_QEMU_GUEST_CONFIG_H
#define LAUNCHER_QEMU_QEMU_GUEST_CONFIG_H

#include "launcher/common/argv.h"
#include "launcher/definition/machine_plan.h"
#include "netsetup/base/error.h"

/*
 * qemu_guest_config_add_*() - add the arguments of the SMBIOS strings, of the Ignition file, of
 * the credentials.
 *
 * Return: 0, or -EINVAL for an unsafe value. If memory runs out, @argv->failed is set.
 */
int qemu_guest_config_add_smbios(const struct machine_plan *plan, struct argv *argv,
				 struct error *err);
int qemu_guest_config_add_ignition(const struct machine_plan *plan, struct argv *argv,
				   struct error *err);
int qemu_guest_config_add_credentials(const struct machine_plan *plan, struct argv *argv,
				      struct error *err);

#endif
