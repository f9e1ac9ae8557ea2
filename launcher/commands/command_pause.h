// SPDX-License-Identifier: GPL-2.0-or-later
// Pauses and resumes a VM.
#ifndef LAUNCHER_COMMANDS_COMMAND_PAUSE_H
#define LAUNCHER_COMMANDS_COMMAND_PAUSE_H

#include "launcher/common/command.h"

command_fn command_pause, command_pause_resume;

#endif
