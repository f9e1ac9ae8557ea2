// SPDX-License-Identifier: GPL-2.0-or-later
// Lists the running VMs.
#ifndef LAUNCHER_COMMANDS_COMMAND_LIST_H
#define LAUNCHER_COMMANDS_COMMAND_LIST_H

#include "launcher/common/options.h"
#include "netsetup/base/error.h"

int command_list(const struct options *options, struct error *err);

#endif
