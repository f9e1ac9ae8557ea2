// SPDX-License-Identifier: GPL-2.0-or-later
// The command version: this program's, the libraries', and where QEMU is.
#ifndef LAUNCHER_COMMANDS_COMMAND_VERSION_H
#define LAUNCHER_COMMANDS_COMMAND_VERSION_H

#include "netsetup/base/error.h"

/* version_run() - the command version, to standard output; returns the exit status. */
int version_run(struct error *err);

#endif
