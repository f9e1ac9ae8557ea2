// SPDX-License-Identifier: GPL-2.0-or-later
// Directories of the host that the guest can mount.
#ifndef LAUNCHER_DEVICES_VIRTIOFS_H
#define LAUNCHER_DEVICES_VIRTIOFS_H

#include "launcher/definition/definition.h"
#include "launcher/devices/backend.h"
#include "netsetup/base/error.h"

/**
 * shares_start() - start virtiofsd for each directory that wants it.
 * @definition: the VM.
 * @directory: of the running VM, only the user's.
 * @companions: to which they are added.
 * @fds: QEMU's end of each share's connection, or negative; the caller closes them, also
 *       after a failure.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int shares_start(const struct definition *definition, const char *directory,
		 struct companions *companions, int fds[SHARES_MAX], struct error *err);

#endif
