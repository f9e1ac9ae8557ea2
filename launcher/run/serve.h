// SPDX-License-Identifier: GPL-2.0-or-later
// Runs QEMU and serves the user's other commands until the guest is gone.
#ifndef LAUNCHER_RUN_SERVE_H
#define LAUNCHER_RUN_SERVE_H

#include "launcher/common/loop.h"
#include "launcher/run/run_state.h"
#include "netsetup/base/error.h"

/**
 * run_serve() - start QEMU, and stay until the guest is gone: answer the user's other commands, tell
 * the service manager and the one who detached, and keep the VM's place.
 * @run: all steps up to here were taken.
 * @loop: the loop.
 * @err: the error.
 *
 * Return: the exit status.
 */
int run_serve(struct run *run, struct loop *loop, struct error *err);

#endif
