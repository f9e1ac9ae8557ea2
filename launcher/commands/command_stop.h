// SPDX-License-Identifier: GPL-2.0-or-later
// Stops a VM and waits until the host is as before.
#ifndef LAUNCHER_COMMANDS_COMMAND_STOP_H
#define LAUNCHER_COMMANDS_COMMAND_STOP_H

#include "launcher/common/options.h"
#include "netsetup/base/error.h"

int command_stop(const struct options *options, struct error *err);

#endif
