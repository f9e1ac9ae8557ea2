// SPDX-License-Identifier: GPL-2.0-or-later
// Compares a definition with its lock file.
#ifndef LAUNCHER_LOCK_LOCK_VERIFY_H
#define LAUNCHER_LOCK_LOCK_VERIFY_H

#include "launcher/definition/definition.h"
#include "netsetup/base/error.h"

/**
 * lock_verify() - compare a definition with the lock file beside it.
 * @definition: loaded; gets the machine type of the lock file, and its uuid and MACs in place of
 *              auto.
 * @quiet: true to show no progress.
 * @diagnostics: all errors of the lock file, or all differences from it, as text for stderr; NULL
 *               if there are none. The caller frees it.
 *
 * Return: 0; -ESTALE if a value differs from the lock file; or another negative errno.
 */
int lock_verify(struct definition *definition, bool quiet, char **diagnostics, struct error *err);

#endif
