// SPDX-License-Identifier: GPL-2.0-or-later
// Watches a VM's descriptors and passes their events on until QEMU ends.
#ifndef LAUNCHER_RUN_SUPERVISE_H
#define LAUNCHER_RUN_SUPERVISE_H

#include "launcher/run/vm.h"
#include "netsetup/base/error.h"

/**
 * supervise_run() - watch the VM until QEMU has ended.
 *
 * signals_block() must have been called. SIGINT, SIGTERM or SIGHUP starts the shutdown: power off,
 * quit, kill; each further one advances it at once. SIGQUIT starts it at quit.
 *
 * @err: code is 0 and the message empty if there is nothing to print.
 *
 * Return: the exit status. STATUS_OK: the guest powered off, by itself or because a signal asked
 * for it, or the user closed its window. STATUS_SIGNAL + n: signal n began the end and the guest
 * did not power off by itself. STATUS_FAILURE and others: see @err.
 */
int supervise_run(struct vm *vm, struct error *err);

#endif
