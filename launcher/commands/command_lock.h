// SPDX-License-Identifier: GPL-2.0-or-later
// Writes the lock file of a definition.
#ifndef LAUNCHER_COMMANDS_COMMAND_LOCK_H
#define LAUNCHER_COMMANDS_COMMAND_LOCK_H

#include "launcher/common/command.h"

command_fn command_lock;

#endif
