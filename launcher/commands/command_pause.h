// SPDX-License-Identifier: GPL-2.0-or-later
// Pauses and resumes a VM.
#ifndef LAUNCHER_COMMANDS_COMMAND_PAUSE_H
#define LAUNCHER_COMMANDS_COMMAND_PAUSE_H

#include "launcher/common/options.h"
#include "netsetup/base/error.h"

int command_pause(const struct options *options, struct error *err);
int command_resume(const struct options *options, struct error *err);

#endif
