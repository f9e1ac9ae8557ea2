// SPDX-License-Identifier: GPL-2.0-or-later
// Adds QEMU's arguments for the firmware and the TPM.
#ifndef LAUNCHER_QEMU_QEMU_FIRMWARE_H
#define LAUNCHER_QEMU_QEMU_FIRMWARE_H

#include "launcher/common/argv.h"
#include "launcher/definition/machine_plan.h"
#include "netsetup/base/error.h"

/*
 * qemu_firmware_add(), qemu_firmware_add_tpm() - add the arguments of the firmware, of the TPM.
 *
 * Return: 0, or -EINVAL for an unsafe value. If memory runs out, @argv->failed is set.
 */
int qemu_firmware_add(const struct machine_plan *plan, struct argv *argv, struct error *err);
int qemu_firmware_add_tpm(const struct machine_plan *plan, struct argv *argv, struct error *err);

/*
 * qemu_firmware_options() - return the options of -machine for UEFI's flash chips, or "". With
 * secure boot they switch SMM on, which keeps the guest's system from writing the keys.
 */
const char *qemu_firmware_options(const struct definition *definition);

#endif
