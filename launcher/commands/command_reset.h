// SPDX-License-Identifier: GPL-2.0-or-later
// Removes what a VM has written, by name or by file.
#ifndef LAUNCHER_COMMANDS_COMMAND_RESET_H
#define LAUNCHER_COMMANDS_COMMAND_RESET_H

#include "launcher/common/command.h"

command_fn command_reset;

#endif
