// SPDX-License-Identifier: GPL-2.0-or-later
// Prints the log of a VM.
#ifndef LAUNCHER_COMMANDS_COMMAND_LOG_H
#define LAUNCHER_COMMANDS_COMMAND_LOG_H

#include "launcher/common/options.h"
#include "netsetup/base/error.h"

int command_log(const struct options *options, struct error *err);

#endif
