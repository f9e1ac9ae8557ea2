// SPDX-License-Identifier: GPL-2.0-or-later
// The commands check and print: what a definition says, without running it.
#ifndef LAUNCHER_COMMANDS_SHOW_H
#define LAUNCHER_COMMANDS_SHOW_H

#include "launcher/common/options.h"
#include "netsetup/base/error.h"

/**
 * show_check() - report every error of every file.
 * @options: what the user asked for.
 * @err: only when memory runs out or privileges cannot be dropped.
 *
 * Return: the exit status.
 */
int show_check(const struct options *options, struct error *err);

/**
 * show_print() - write the resolved definition, or its QEMU command, to standard output.
 * @options: what the user asked for.
 * @err: why it failed; the message is empty when all has been told.
 *
 * Return: the exit status.
 */
int show_print(const struct options *options, struct error *err);

#endif
