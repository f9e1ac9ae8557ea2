// SPDX-License-Identifier: GPL-2.0-or-later
// The command completion: what a shell needs to complete command lines, from the tables of options.
#ifndef LAUNCHER_COMMANDS_COMMAND_COMPLETION_H
#define LAUNCHER_COMMANDS_COMMAND_COMPLETION_H

#include "launcher/common/options.h"
#include "netsetup/base/error.h"

/**
 * completion_run() - write a shell's completion to standard output.
 * @options: what the user asked for; the operand is the shell.
 * @err: STATUS_USAGE for a shell that is not known.
 *
 * Return: the exit status.
 */
int completion_run(const struct options *options, struct error *err);

#endif
