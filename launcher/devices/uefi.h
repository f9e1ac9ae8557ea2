// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the UEFI firmware of the host that fits a machine.
#ifndef LAUNCHER_DEVICES_UEFI_H
#define LAUNCHER_DEVICES_UEFI_H

#include <stdbool.h>

#include "launcher/definition/definition.h"
#include "netsetup/base/error.h"

/**
 * struct uefi - a firmware.
 * @code: its program, absolute, only read.
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
 * struct uefi_wish - what a firmware must be for.
 * @architecture: as in the name of the QEMU binary.
 * @machine: its type.
 * @secure_boot: it has secure boot, and variables with the keys of those who sign systems.
 */
struct uefi_wish {
	const char *architecture;
	const char *machine;
	bool secure_boot;
};

/**
 * uefi_described() - the first firmware that fits, by the descriptors that QEMU's
 * docs/interop/firmware.json specifies.
 * @directories: of descriptors, NULL-terminated; one in an earlier hides its namesakes in later.
 * @wish: see there.
 * @uefi: the firmware; free it with uefi_done().
 *
 * Return: 0, -ENOENT or -ENOMEM.
 */
int uefi_described(const char *const *directories, const struct uefi_wish *wish, struct uefi *uefi);

/**
 * uefi_find() - the firmware of this host for a VM: by the descriptors, or else where distributions
 * have it.
 * @definition: the VM, of `firmware: uefi`.
 * @uefi: the firmware; free it with uefi_done().
 * @err: with -ENOENT names the package and the places.
 *
 * Return: 0 or a negative errno.
 */
int uefi_find(const struct definition *definition, struct uefi *uefi, struct error *err);

/* uefi_done() - free what it owns; it becomes all zero. */
void uefi_done(struct uefi *uefi);

#endif
