// SPDX-License-Identifier: GPL-2.0-or-later
// Manages the UEFI variables of a VM, a copy of the firmware's template.
#ifndef LAUNCHER_DEVICES_UEFI_VARS_H
#define LAUNCHER_DEVICES_UEFI_VARS_H

#include <stdbool.h>

#include "launcher/common/remove.h"
#include "launcher/definition/machine_plan.h"
#include "launcher/devices/uefi.h"
#include "netsetup/base/error.h"

/**
 * struct firmware - the firmware files that QEMU opens; all zero for a VM without UEFI.
 * @uefi: the host's firmware.
 * @variables: the VM's copy of the variables, absolute.
 * @temporary: true if the copy must be removed.
 */
struct firmware {
	struct uefi uefi;
	char *variables;
	bool temporary;
};

/**
 * uefi_vars_prepare() - find the firmware, and make the VM's variables if it has none.
 *
 * Variables are kept only if a disk is (machine_keeps_state()), since their boot entries name
 * programs on the disk.
 * @directory: of the variables, see state_dir_take().
 * @firmware: the files; the caller frees them with uefi_vars_done() after success.
 *
 * Return: 0 or a negative errno.
 */
int uefi_vars_prepare(const struct definition *definition, const char *directory,
		      struct firmware *firmware, struct error *err);

/**
 * uefi_vars_plan() - return the same files for `print` and --dry-run; makes no file.
 * @definition, @firmware, @err: as above.
 * @directory: as above, or with @words the word for it.
 * @words: true for `print`, which shows a word in place of the host's file.
 *
 * Return: 0 or a negative errno.
 */
int uefi_vars_plan(const struct definition *definition, const char *directory, bool words,
		   struct firmware *firmware, struct error *err);

/* uefi_vars_configure() - set the firmware's members of @plan, which @firmware must outlive. */
void uefi_vars_configure(const struct firmware *firmware, struct machine_plan *plan);

/* uefi_vars_opened() - remove a temporary file once QEMU has opened it. */
void uefi_vars_opened(struct firmware *firmware);

/* uefi_vars_done() - remove a temporary file that is left; @firmware may be all zero. */
void uefi_vars_done(struct firmware *firmware);

/* uefi_vars_reset() - remove a VM's variables; @directory must be locked. */
void uefi_vars_reset(const char *directory, const struct removal *removal);

/* uefi_vars_remove_stale() - remove files of runs that were killed; @directory must be locked. */
void uefi_vars_remove_stale(const char *directory, const struct removal *removal);

#endif
