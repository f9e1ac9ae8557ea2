// SPDX-License-Identifier: GPL-2.0-or-later
// Loads a definition as the command line gives it, with or without its lock.
#ifndef LAUNCHER_LOCK_LOCKED_LOAD_H
#define LAUNCHER_LOCK_LOCKED_LOAD_H

#include "launcher/common/options.h"
#include "launcher/definition/definition.h"
#include "netsetup/base/error.h"

/**
 * given_load() - load a definition with the options' overrides, and hold it to its lock file when
 * they say so. What is wrong with either is told with its places, on standard error.
 * @options: see there.
 * @path: of the file.
 * @definition: the definition; free it with definition_done() after success.
 * @err: the error; without a message when all has been told.
 *
 * Return: 0 or a negative errno.
 */
int given_load(const struct options *options, const char *path, struct definition *definition,
	       struct error *err);

#endif
