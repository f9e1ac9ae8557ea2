// SPDX-License-Identifier: GPL-2.0-or-later
// Runs QEMU and serves the user's other commands until QEMU ends.
#ifndef LAUNCHER_RUN_SERVE_H
#define LAUNCHER_RUN_SERVE_H

#include "launcher/common/loop.h"
#include "launcher/run/run_state.h"
#include "netsetup/base/error.h"

/**
 * serve_run() - start QEMU and run the loop until it ends: serve the user's other commands, notify
 * the service manager and the parent of a detached run, and keep the VM attached to the LAN.
 * @run: with all resources taken and QEMU's command line built.
 *
 * Return: the exit status.
 */
int serve_run(struct run *run, struct loop *loop, struct error *err);

#endif
