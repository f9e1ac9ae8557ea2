// SPDX-License-Identifier: GPL-2.0-or-later
// The command reset: what a VM has written is thrown away, and it starts afresh from its images.
#ifndef LAUNCHER_COMMANDS_COMMAND_RESET_H
#define LAUNCHER_COMMANDS_COMMAND_RESET_H

#include "launcher/common/options.h"
#include "netsetup/base/error.h"

/**
 * reset_run() - remove the overlays of the VMs that options->files name, by name or by file.
 * @options: what the user asked for.
 * @err: why it failed; the message is empty when all has been told.
 *
 * Return: the exit status.
 */
int reset_run(const struct options *options, struct error *err);

#endif
