// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the UEFI firmware of the host that fits a machine.
#ifndef LAUNCHER_DEVICES_UEFI_H
#define LAUNCHER_DEVICES_UEFI_H

#include <stdbool.h>

#include "launcher/definition/definition.h"
#include "netsetup/base/error.h"

/**
 * struct uefi - files of a firmware.
 * @code: its program, absolute; read-only.
 * @variables: the template of its variables, absolute; each VM has a copy.
 * @code_format, @variables_format: raw or qcow2.
 */
struct uefi {
	char *code;
	char *variables;
	enum disk_format code_format;
	enum disk_format variables_format;
};

/**
 * struct uefi_request - requirements for a firmware.
 * @architecture: as in the name of the QEMU binary.
 * @machine: the machine type.
 * @secure_boot: true for secure boot and variables with the keys of operating systems' vendors.
 */
struct uefi_request {
	const char *architecture;
	const char *machine;
	bool secure_boot;
};

/**
 * uefi_find_described() - find the first firmware that fits, by its descriptor (QEMU's
 * docs/interop/firmware.json).
 * @directories: of descriptors, NULL-terminated. A descriptor hides those with the same name in
 *               later directories.
 * @uefi: the firmware; the caller frees it with uefi_done().
 *
 * Return: 0, -ENOENT or -ENOMEM.
 */
int uefi_find_described(const char *const *directories, const struct uefi_request *request,
			struct uefi *uefi);

/**
 * uefi_find() - find this host's firmware for a VM: by descriptors, else in the paths of
 * distributions.
 * @definition: a VM with `firmware: uefi`.
 * @uefi: the firmware; the caller frees it with uefi_done().
 * @err: names the package and the searched paths for -ENOENT.
 *
 * Return: 0 or a negative errno.
 */
int uefi_find(const struct definition *definition, struct uefi *uefi, struct error *err);

/* uefi_done() - free the members and set all to zero. */
void uefi_done(struct uefi *uefi);

#endif
