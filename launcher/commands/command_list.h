// SPDX-License-Identifier: GPL-2.0-or-later
// Lists the running VMs.
#ifndef LAUNCHER_COMMANDS_COMMAND_LIST_H
#define LAUNCHER_COMMANDS_COMMAND_LIST_H

#include "launcher/common/command.h"

command_fn command_list;

#endif
