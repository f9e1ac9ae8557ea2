// SPDX-License-Identifier: GPL-2.0-or-later
// The command fetch: have the images of definitions in the cache.
#ifndef LAUNCHER_COMMANDS_COMMAND_FETCH_H
#define LAUNCHER_COMMANDS_COMMAND_FETCH_H

#include "launcher/common/options.h"
#include "netsetup/base/error.h"

/**
 * fetch_run() - fetch every image from a URL of every file; goes on after an error.
 * @options: what the user asked for.
 * @err: why the last one that failed has; the message is empty when all has been told.
 *
 * Return: the exit status, that of the last failure.
 */
int fetch_run(const struct options *options, struct error *err);

#endif
