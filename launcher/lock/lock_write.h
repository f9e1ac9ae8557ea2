// SPDX-License-Identifier: GPL-2.0-or-later
// Writes the lock file of a definition.
#ifndef LAUNCHER_LOCK_LOCK_WRITE_H
#define LAUNCHER_LOCK_LOCK_WRITE_H

#include <stdbool.h>

#include "launcher/definition/definition.h"
#include "netsetup/base/error.h"

/**
 * lock_write() - write the lock file of a loaded definition, and log the locked machine and QEMU.
 * @quiet: true to show no progress.
 *
 * Return: 0 or a negative errno.
 */
int lock_write(const struct definition *definition, bool quiet, struct error *err);

#endif
