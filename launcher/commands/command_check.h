// SPDX-License-Identifier: GPL-2.0-or-later
// Checks definitions and reports every error.
#ifndef LAUNCHER_COMMANDS_COMMAND_CHECK_H
#define LAUNCHER_COMMANDS_COMMAND_CHECK_H

#include "launcher/common/command.h"

command_fn command_check;

#endif
