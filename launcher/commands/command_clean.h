// SPDX-License-Identifier: GPL-2.0-or-later
// Removes what dead runs have left on the host and in the user's directories.
#ifndef LAUNCHER_COMMANDS_COMMAND_CLEAN_H
#define LAUNCHER_COMMANDS_COMMAND_CLEAN_H

#include "launcher/common/command.h"

command_fn command_clean;

#endif
