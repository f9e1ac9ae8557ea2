// SPDX-License-Identifier: GPL-2.0-or-later
// Connects the user's terminal to the console of a running VM.
#ifndef LAUNCHER_COMMANDS_ATTACH_H
#define LAUNCHER_COMMANDS_ATTACH_H

#include "netsetup/base/error.h"

/**
 * attach_console() - show the console and type into it, until Ctrl-], the end of the input, or the end
 * of the VM. The terminal is as before afterwards.
 * @directory: the VM's runtime directory.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int attach_console(const char *directory, struct error *err);

#endif
