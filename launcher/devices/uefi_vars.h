// SPDX-License-Identifier: GPL-2.0-or-later
// What a VM's UEFI firmware works on: the host's program, and the VM's own variables.
#ifndef LAUNCHER_DEVICES_UEFI_VARS_H
#define LAUNCHER_DEVICES_UEFI_VARS_H

#include <stdbool.h>

#include "launcher/common/remove.h"
#include "launcher/definition/machine_plan.h"
#include "launcher/devices/uefi.h"
#include "netsetup/base/error.h"

/**
 * struct firmware - the files that QEMU opens. All zero for a VM without UEFI.
 * @uefi: the host's.
 * @variables: the VM's own copy of its variables, absolute.
 * @temporary: which is to be removed.
 */
struct firmware {
	struct uefi uefi;
	char *variables;
	bool temporary;
};

/**
 * firmware_prepare() - find the firmware, and make the VM's variables if there are none yet.
 *
 * They are kept as long as a disk is (machine_keeps_state()); else the boot entries in them would
 * name what is gone, and they are thrown away with it.
 * @definition: the VM.
 * @directory: where its variables are, see keep_take().
 * @firmware: the files; end them with firmware_done() after success.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int firmware_prepare(const struct definition *definition, const char *directory,
		     struct firmware *firmware, struct error *err);

/**
 * firmware_plan() - the same for `print` and --dry-run: nothing is made.
 * @definition, @firmware, @err: as above.
 * @directory: as above, or for `print` the word for it; the host's files are words then, too.
 * @words: for `print`.
 *
 * Return: 0 or a negative errno.
 */
int firmware_plan(const struct definition *definition, const char *directory, bool words,
		  struct firmware *firmware, struct error *err);

/* firmware_configure() - fill in @plan->code and @variables; @firmware must outlive it. */
void firmware_configure(const struct firmware *firmware, struct machine_plan *plan);

/* firmware_opened() - QEMU has opened its files: a temporary one needs no name any more. */
void firmware_opened(struct firmware *firmware);

/* firmware_done() - remove a temporary file that is left; legal for none. */
void firmware_done(struct firmware *firmware);

/* firmware_reset() - remove a VM's variables; @directory: its lock is held. */
void firmware_reset(const char *directory, const struct sweep *sweep);

/* firmware_sweep() - remove what died runs have left; @directory: its lock is held. */
void firmware_sweep(const char *directory, const struct sweep *sweep);

#endif
