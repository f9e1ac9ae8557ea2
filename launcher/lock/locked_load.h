// SPDX-License-Identifier: GPL-2.0-or-later
// Loads a definition and, with --locked, compares it with its lock file.
#ifndef LAUNCHER_LOCK_LOCKED_LOAD_H
#define LAUNCHER_LOCK_LOCKED_LOAD_H

#include "launcher/common/options.h"
#include "launcher/definition/definition.h"
#include "netsetup/base/error.h"

/**
 * locked_load() - load a definition with the options' overrides. With --locked, compare it with its
 * lock file. Errors in either file go to standard error with their locations.
 * @definition: free it with definition_done() after success.
 * @err: has no message if all errors are on standard error already.
 *
 * Return: 0 or a negative errno.
 */
int locked_load(const struct options *options, const char *path, struct definition *definition,
		struct error *err);

/**
 * locked_load_input() - the same; the path "-" stands for standard input, which has no lock file.
 * Its relative paths start from the current directory.
 *
 * Return: 0 or a negative errno; -EINTR if a signal asks this process to end.
 */
int locked_load_input(const struct options *options, const char *path,
		      struct definition *definition, struct error *err);

#endif
