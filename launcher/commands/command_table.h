// SPDX-License-Identifier: GPL-2.0-or-later
// Defines all commands.
#ifndef LAUNCHER_COMMANDS_COMMAND_TABLE_H
#define LAUNCHER_COMMANDS_COMMAND_TABLE_H

#include <stddef.h>

#include "launcher/common/command.h"

/* The first row is the default command. */
extern const struct command command_table[];
extern const size_t command_table_count;

#endif
