// SPDX-License-Identifier: GPL-2.0-or-later
// A definition held to what it stood for when it was locked.
#ifndef LAUNCHER_LOCK_LOCK_H
#define LAUNCHER_LOCK_LOCK_H

#include "launcher/common/options.h"
#include "launcher/definition/definition.h"
#include "netsetup/base/error.h"

/**
 * lock_insist() - hold a definition to the lock file beside it.
 * @definition: loaded; gets the machine type, and in place of auto the uuid and the MAC, that the
 *              lock file has.
 * @quiet: show no progress.
 * @report: all that is wrong with the lock file, or all that is not as it says, as text for
 *          stderr; allocated, or NULL when there is nothing of that kind. The caller frees it.
 * @err: the error.
 *
 * Return: 0; -ESTALE when something is not as it was; or another negative errno.
 */
int lock_insist(struct definition *definition, bool quiet, char **report, struct error *err);

/* lock_run() - the command lock; returns the exit status, its error is in @err. */
int lock_run(const struct options *options, struct error *err);

#endif
