// SPDX-License-Identifier: GPL-2.0-or-later
// Attaches the terminal to the console of a VM.
#ifndef LAUNCHER_COMMANDS_COMMAND_CONSOLE_H
#define LAUNCHER_COMMANDS_COMMAND_CONSOLE_H

#include "launcher/common/options.h"
#include "netsetup/base/error.h"

int command_console(const struct options *options, struct error *err);

#endif
