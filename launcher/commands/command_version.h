// SPDX-License-Identifier: GPL-2.0-or-later
// Prints the versions of vmrun, its libraries and the programs it uses.
#ifndef LAUNCHER_COMMANDS_COMMAND_VERSION_H
#define LAUNCHER_COMMANDS_COMMAND_VERSION_H

#include "launcher/common/command.h"

command_fn command_version;

#endif
