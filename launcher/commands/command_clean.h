// SPDX-License-Identifier: GPL-2.0-or-later
// The command clean: sweep what runs that died have left.
#ifndef LAUNCHER_COMMANDS_COMMAND_CLEAN_H
#define LAUNCHER_COMMANDS_COMMAND_CLEAN_H

#include "launcher/common/options.h"
#include "netsetup/base/error.h"

/**
 * clean_run() - sweep the host, by the helper, and the user's files; say each removal on standard
 * output.
 * @options: --dry-run and --quiet count.
 * @err: what could not be swept; the rest is.
 *
 * Return: the exit status.
 */
int clean_run(const struct options *options, struct error *err);

#endif
