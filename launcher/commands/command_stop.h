// SPDX-License-Identifier: GPL-2.0-or-later
// Stops a VM and waits until its run has cleaned up.
#ifndef LAUNCHER_COMMANDS_COMMAND_STOP_H
#define LAUNCHER_COMMANDS_COMMAND_STOP_H

#include "launcher/common/command.h"

command_fn command_stop;

#endif
