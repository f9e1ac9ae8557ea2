// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the VM that an operand NAME or FILE names.
#ifndef LAUNCHER_COMMANDS_OPERAND_H
#define LAUNCHER_COMMANDS_OPERAND_H

#include "launcher/common/options.h"
#include "netsetup/base/error.h"

/**
 * operand_find_vm() - set options->vm for a command whose first operand is NAME|FILE, else nothing.
 *
 * A valid name of a VM is a NAME; './NAME' is a file of that name. Without an operand, the error
 * offers the running VMs.
 *
 * Return: 0 or a negative errno; the message is empty after the errors of a FILE were printed.
 */
int operand_find_vm(struct options *options, struct error *err);

#endif
