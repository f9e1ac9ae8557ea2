// SPDX-License-Identifier: GPL-2.0-or-later
// Runs swtpm(8) as a VM's TPM 2.0 and manages its state.
#ifndef LAUNCHER_DEVICES_TPM_H
#define LAUNCHER_DEVICES_TPM_H

#include "launcher/common/remove.h"
#include "launcher/definition/definition.h"
#include "launcher/devices/backend.h"
#include "netsetup/base/error.h"

/**
 * tpm_start() - start the TPM of a VM with `tpm: true`.
 *
 * Its state is kept only if a disk of the VM is (machine_keeps_state()), since the secrets that it
 * seals are of no use to a new disk.
 * @directory: of its state, see state_dir_take().
 * @backends: the TPM is added.
 * @fd: QEMU's end of its connection, close-on-exec; the caller closes it.
 * @err: names the package for -ENOENT.
 *
 * Return: 0 or a negative errno.
 */
int tpm_start(const struct definition *definition, const char *directory, struct backends *backends,
	      int *fd, struct error *err);

/* tpm_reset() - remove a VM's TPM state; @directory must be locked. */
void tpm_reset(const char *directory, const struct removal *removal);

/* tpm_remove_stale() - remove temporary state; @directory must be locked. */
void tpm_remove_stale(const char *directory, const struct removal *removal);

#endif
