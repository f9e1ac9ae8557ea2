// SPDX-License-Identifier: GPL-2.0-or-later
// Prints the completion script of a shell.
#ifndef LAUNCHER_COMMANDS_COMMAND_COMPLETION_H
#define LAUNCHER_COMMANDS_COMMAND_COMPLETION_H

#include "launcher/common/command.h"

command_fn command_completion;

#endif
