// SPDX-License-Identifier: GPL-2.0-or-later
// The command init: a new definition from a template.
#ifndef LAUNCHER_COMMANDS_COMMAND_INIT_H
#define LAUNCHER_COMMANDS_COMMAND_INIT_H

#include "launcher/common/options.h"
#include "netsetup/base/error.h"

/**
 * init_run() - list the templates, or write a definition from one into the current directory.
 * @options: what the user asked for; operands: none, a template, or a template and a VM's name.
 * @err: why it failed.
 *
 * Return: the exit status.
 */
int init_run(const struct options *options, struct error *err);

#endif
