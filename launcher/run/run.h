// SPDX-License-Identifier: GPL-2.0-or-later
// The command run: boot a VM and stay until the guest is gone.
#ifndef LAUNCHER_RUN_RUN_H
#define LAUNCHER_RUN_RUN_H

#include "launcher/common/command.h"

/**
 * run_vm() - boot the VM of options->files[0], or say what would be done.
 * @options: what the user asked for.
 * @launch: the helpers and the way to the process that the user waits for; taken over.
 * @err: why it failed; the message is empty when all has been told.
 *
 * Return: the exit status.
 */
command_fn run_vm;

#endif
