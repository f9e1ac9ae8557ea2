// SPDX-License-Identifier: GPL-2.0-or-later
// A VM's life and end: watch QEMU, power the guest off gracefully when asked to, tell how it ended.
#ifndef LAUNCHER_RUN_SUPERVISE_H
#define LAUNCHER_RUN_SUPERVISE_H

#include "launcher/run/vm.h"
#include "netsetup/base/error.h"

/**
 * supervise_run() - watch the VM until QEMU is gone.
 *
 * signals_block() must have been called. SIGINT, SIGTERM or SIGHUP begins the ladder: power off,
 * quit, kill; each further one takes the next step at once. SIGQUIT begins it at quit.
 *
 * @vm: see there.
 * @err: why it failed; code is 0 and the message empty when there is nothing to tell.
 *
 * Return: the exit status. STATUS_OK: the guest powered off, by itself or because a signal asked
 * for it, or the user closed its window. STATUS_SIGNAL + n: signal n began the end and the guest
 * did not power off by itself. STATUS_FAILURE and others: see @err.
 */
int supervise_run(struct vm *vm, struct error *err);

#endif
