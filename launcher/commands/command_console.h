// SPDX-License-Identifier: GPL-2.0-or-later
// Attaches the terminal to the console of a VM.
#ifndef LAUNCHER_COMMANDS_COMMAND_CONSOLE_H
#define LAUNCHER_COMMANDS_COMMAND_CONSOLE_H

#include "launcher/common/command.h"

command_fn command_console;

#endif
