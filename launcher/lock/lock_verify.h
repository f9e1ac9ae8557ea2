// SPDX-License-Identifier: GPL-2.0-or-later
// Compares a definition with its lock file.
#ifndef LAUNCHER_LOCK_LOCK_VERIFY_H
#define LAUNCHER_LOCK_LOCK_VERIFY_H

#include "launcher/definition/definition.h"
#include "netsetup/base/error.h"

/**
 * lock_verify() - compare a definition with the lock file beside it, and take from there what it
 * leaves open.
 * @definition: loaded; gets the machine type, and in place of auto the uuid and the MAC, that the
 *              lock file has.
 * @quiet: show no progress.
 * @report: all that is wrong with the lock file, or all that is not as it says, as text for
 *          stderr; allocated, or NULL when there is nothing of that kind. The caller frees it.
 * @err: the error.
 *
 * Return: 0; -ESTALE when something is not as it was; or another negative errno.
 */
int lock_verify(struct definition *definition, bool quiet, char **report, struct error *err);

#endif
