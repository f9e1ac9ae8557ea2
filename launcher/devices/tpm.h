// SPDX-License-Identifier: GPL-2.0-or-later
// A VM's TPM 2.0: swtpm(8) beside QEMU, and what it keeps.
#ifndef LAUNCHER_DEVICES_TPM_H
#define LAUNCHER_DEVICES_TPM_H

#include "launcher/common/remove.h"
#include "launcher/definition/definition.h"
#include "launcher/devices/backend.h"
#include "netsetup/base/error.h"

/**
 * tpm_start() - start the TPM of a VM of `tpm: true`.
 *
 * Its state is kept as long as a disk of the VM is (machine_keeps_state()), else thrown away:
 * what it has sealed is of no use to a disk that is as new.
 * @definition: the VM.
 * @directory: where its state is, see keep_take().
 * @companions: to which it is added.
 * @fd: QEMU's end of its connection, close-on-exec; the caller closes it.
 * @err: with -ENOENT names the package.
 *
 * Return: 0 or a negative errno.
 */
int tpm_start(const struct definition *definition, const char *directory,
	      struct companions *companions, int *fd, struct error *err);

/* tpm_reset() - remove a VM's TPM state; @directory: its lock is held. */
void tpm_reset(const char *directory, const struct sweep *sweep);

/* tpm_sweep() - remove the state that is not kept; @directory: its lock is held. */
void tpm_sweep(const char *directory, const struct sweep *sweep);

#endif
