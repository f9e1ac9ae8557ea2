// SPDX-License-Identifier: GPL-2.0-or-later
// Fetches the images of definitions into the cache.
#ifndef LAUNCHER_COMMANDS_COMMAND_FETCH_H
#define LAUNCHER_COMMANDS_COMMAND_FETCH_H

#include "launcher/common/command.h"

command_fn command_fetch;

#endif
