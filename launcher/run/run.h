// SPDX-License-Identifier: GPL-2.0-or-later
// Implements the command run: boot a VM and wait for its end.
#ifndef LAUNCHER_RUN_RUN_H
#define LAUNCHER_RUN_RUN_H

#include "launcher/common/command.h"

/**
 * run_vm() - boot the VM of options->files[0]; a dry run prints what would be done.
 * @options: the command line.
 * @launch: the connections to vmrun-netsetup and to the parent; taken over.
 * @err: the message is empty if everything has been printed.
 *
 * Return: the exit status.
 */
command_fn run_vm;

#endif
