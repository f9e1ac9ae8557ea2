// SPDX-License-Identifier: GPL-2.0-or-later
// Prints a resolved definition or its QEMU command.
#ifndef LAUNCHER_COMMANDS_COMMAND_PRINT_H
#define LAUNCHER_COMMANDS_COMMAND_PRINT_H

#include "launcher/common/command.h"

command_fn command_print;

#endif
