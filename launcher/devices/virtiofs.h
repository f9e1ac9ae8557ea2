// SPDX-License-Identifier: GPL-2.0-or-later
// Runs virtiofsd for shared directories of the host.
#ifndef LAUNCHER_DEVICES_VIRTIOFS_H
#define LAUNCHER_DEVICES_VIRTIOFS_H

#include "launcher/definition/definition.h"
#include "launcher/devices/backend.h"
#include "netsetup/base/error.h"

/**
 * virtiofs_start() - start virtiofsd for each share with the driver virtiofs.
 * @directory: the VM's runtime directory; only the user may access it.
 * @backends: each virtiofsd is added.
 * @fds: QEMU's end of each share's connection, or negative; the caller closes them, even after an
 *       error.
 *
 * Return: 0 or a negative errno.
 */
int virtiofs_start(const struct definition *definition, const char *directory,
		   struct backends *backends, int fds[SHARES_MAX], struct error *err);

#endif
