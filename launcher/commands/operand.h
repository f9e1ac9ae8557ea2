// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the VM that an operand NAME or FILE names.
#ifndef LAUNCHER_COMMANDS_OPERAND_H
#define LAUNCHER_COMMANDS_OPERAND_H

#include "launcher/common/options.h"
#include "netsetup/base/error.h"

/**
 * operand_find_vm() - set options->vm for a command whose first operand is NAME|FILE.
 *
 * A valid name of a VM is a NAME; './NAME' is a file of that name. Without an operand, the error
 * offers the running VMs. A command whose first operand is FILE refuses a missing file that has the
 * name of a running VM.
 *
 * Return: 0 or a negative errno; the message is empty after the errors of a FILE were printed.
 */
int operand_find_vm(struct options *options, struct error *err);

/**
 * operand_add_remedy() - name the command for a VM of the system, if the caller has none of that
 * name and only root can reach that one.
 * @err: of the command.
 */
void operand_add_remedy(const struct options *options, struct error *err);

#endif
