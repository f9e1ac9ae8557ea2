// SPDX-License-Identifier: GPL-2.0-or-later
// Runs a VM, in the foreground or as the parent of a run in the background.
#ifndef LAUNCHER_COMMANDS_COMMAND_RUN_H
#define LAUNCHER_COMMANDS_COMMAND_RUN_H

#include "launcher/common/command.h"

command_fn command_run;

#endif
