// SPDX-License-Identifier: GPL-2.0-or-later
// Prints the log of a VM.
#ifndef LAUNCHER_COMMANDS_COMMAND_LOG_H
#define LAUNCHER_COMMANDS_COMMAND_LOG_H

#include "launcher/common/command.h"

command_fn command_log;

#endif
