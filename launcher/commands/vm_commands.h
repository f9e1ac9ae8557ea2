// SPDX-License-Identifier: GPL-2.0-or-later
// The commands for VMs that run: list, status, stop, pause, resume, console, ssh, log.
#ifndef LAUNCHER_COMMANDS_VM_COMMANDS_H
#define LAUNCHER_COMMANDS_VM_COMMANDS_H

#include "launcher/common/options.h"
#include "netsetup/base/error.h"

/*
 * Each takes what the user asked for, and returns the exit status; @err says why it failed, and its
 * message is empty when all has been told. vmrun(1) says what they do.
 */
int manage_list(const struct options *options, struct error *err);
int manage_status(const struct options *options, struct error *err);
int manage_stop(const struct options *options, struct error *err);
int manage_pause(const struct options *options, bool paused, struct error *err);
int manage_console(const struct options *options, struct error *err);
int manage_ssh(const struct options *options, struct error *err);
int manage_log(const struct options *options, struct error *err);

#endif
