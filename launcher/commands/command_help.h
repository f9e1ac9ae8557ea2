// SPDX-License-Identifier: GPL-2.0-or-later
// Prints the usage text, or the words of command lines for the completion scripts.
#ifndef LAUNCHER_COMMANDS_COMMAND_HELP_H
#define LAUNCHER_COMMANDS_COMMAND_HELP_H

#include "launcher/common/command.h"

command_fn command_help;

#endif
