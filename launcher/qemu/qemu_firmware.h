// SPDX-License-Identifier: GPL-2.0-or-later
// Adds QEMU's arguments for the firmware and the TPM.
#ifndef LAUNCHER_QEMU_QEMU_FIRMWARE_H
#define LAUNCHER_QEMU_QEMU_FIRMWARE_H

#include "launcher/common/argv.h"
#include "launcher/definition/machine_plan.h"
#include "netsetup/base/error.h"

/*
 * qemu_add_firmware(), qemu_add_tpm() - add the arguments of the firmware, of the TPM.
 *
 * Return: 0, or -EINVAL with the error set. Memory that runs out is noted in the vector.
 */
int qemu_add_firmware(const struct machine_plan *plan, struct argv *argv, struct error *err);
int qemu_add_tpm(const struct machine_plan *plan, struct argv *argv, struct error *err);

/*
 * qemu_firmware_options() - of -machine: the flash chips of a UEFI firmware; empty without one. SMM
 * is what keeps the system from writing the keys of secure boot itself.
 */
const char *qemu_firmware_options(const struct definition *definition);

#endif
