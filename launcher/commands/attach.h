// SPDX-License-Identifier: GPL-2.0-or-later
// Connects the user's terminal to the console of a running VM.
#ifndef LAUNCHER_COMMANDS_ATTACH_H
#define LAUNCHER_COMMANDS_ATTACH_H

#include "netsetup/base/error.h"

/**
 * attach_console() - connect the terminal to the console until the user detaches, the end of the
 * input, a signal or the end of the VM, then restore the modes of the terminal.
 * @directory: the VM's runtime directory.
 * @escape: the key that detaches, as in struct options; so does "~." after Return.
 *
 * Return: 0 or a negative errno.
 */
int attach_console(const char *directory, int escape, struct error *err);

#endif
