// SPDX-License-Identifier: GPL-2.0-or-later
// Logs in to the guest of a VM with ssh(1).
#ifndef LAUNCHER_COMMANDS_COMMAND_SSH_H
#define LAUNCHER_COMMANDS_COMMAND_SSH_H

#include <netinet/in.h>

#include "launcher/common/command.h"

command_fn command_ssh;

/**
 * command_ssh_wait() - wait for a guest's SSH server, and show the progress on a terminal.
 * @name: the VM's.
 * @timeout: in seconds, or negative for no limit.
 *
 * Return: 0, -ESRCH or -ECONNRESET if the VM has ended, -EBUSY if it is paused, or an error of
 *         wait_ssh().
 */
int command_ssh_wait(const char *name, const struct sockaddr_in *ssh, int timeout,
		     struct error *err);

#endif
