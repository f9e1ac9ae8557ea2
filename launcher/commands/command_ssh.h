// SPDX-License-Identifier: GPL-2.0-or-later
// Logs in to the guest of a VM with ssh(1).
#ifndef LAUNCHER_COMMANDS_COMMAND_SSH_H
#define LAUNCHER_COMMANDS_COMMAND_SSH_H

#include "launcher/common/command.h"

command_fn command_ssh;

#endif
