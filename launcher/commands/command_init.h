// SPDX-License-Identifier: GPL-2.0-or-later
// Lists templates, or writes a definition from one.
#ifndef LAUNCHER_COMMANDS_COMMAND_INIT_H
#define LAUNCHER_COMMANDS_COMMAND_INIT_H

#include "launcher/common/command.h"

command_fn command_init;

#endif
