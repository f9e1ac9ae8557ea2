// SPDX-License-Identifier: GPL-2.0-or-later
// Prints the status of one VM, with the facts from its guest agent.
#ifndef LAUNCHER_COMMANDS_COMMAND_STATUS_H
#define LAUNCHER_COMMANDS_COMMAND_STATUS_H

#include "launcher/common/command.h"

command_fn command_status;

#endif
