// SPDX-License-Identifier: GPL-2.0-or-later
// Gives root, and users of sudo, access to the system's VMs.
#ifndef LAUNCHER_COMMANDS_VM_PREPARE_H
#define LAUNCHER_COMMANDS_VM_PREPARE_H

#include "launcher/common/command.h"

/*
 * vm_prepare_name() - for a command with a VM's name: let main become the user of the system's VM
 * of this name, unless the caller has one.
 */
command_prepare_fn vm_prepare_name;

/* vm_prepare_list() - query the statuses of the system's VMs by processes of their users. */
command_prepare_fn vm_prepare_list;

#endif
