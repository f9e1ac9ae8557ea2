// SPDX-License-Identifier: GPL-2.0-or-later
// Blocks signals from the start of main and reads them from a signalfd.
#ifndef LAUNCHER_COMMON_SIGNALS_H
#define LAUNCHER_COMMON_SIGNALS_H

#include <signal.h>
#include <sys/types.h>

#include "netsetup/base/error.h"

/**
 * signals_block() - block all signals but those that report a fault of the program itself. main
 * calls it first.
 *
 * It resets SIGCHLD to the default disposition: a parent may have left it ignored, and then this
 * process could not wait for children. An ignored SIGHUP (nohup(1)) stays unblocked, so that the
 * kernel drops it.
 */
void signals_block(void);

/**
 * signals_open() - open a signalfd(2) for all blocked signals.
 *
 * Return: the descriptor, non-blocking and close-on-exec, or a negative errno.
 */
int signals_open(struct error *err);

/**
 * signals_read() - take one signal.
 * @sender: process id of the sender, 0 for the kernel; may be NULL.
 *
 * Return: the signal's number, or 0 if none is pending.
 */
int signals_read(int fd, pid_t *sender);

/**
 * signals_pending() - return a pending signal that asks this process to end, and leave it pending.
 * Work that runs without an event loop calls this, such as a download.
 *
 * Return: SIGINT, SIGTERM, SIGHUP or SIGQUIT if one is pending, else 0.
 */
int signals_pending(void);

/**
 * signals_open_ends() - open a descriptor that is readable while signals_pending() returns one.
 * Callers poll it; reading it takes the signal.
 *
 * Return: the descriptor, non-blocking and close-on-exec, or a negative errno.
 */
int signals_open_ends(struct error *err);

/**
 * signals_check() - fail if a signal asks this process to end, and leave it pending.
 * @err: gets the signal's exit status and an empty message.
 *
 * Return: 0 or -EINTR.
 */
int signals_check(struct error *err);

/**
 * signals_wait() - wait until a descriptor is readable or signals_check() fails.
 * @timeout: milliseconds, or -1 for no limit.
 *
 * Return: 1 if @fd is readable, 0 after the timeout, -EINTR at a signal, or another negative errno.
 */
int signals_wait(int fd, int timeout, struct error *err);

/**
 * signals_suspend() - take the default action of a job-control signal: stop this process, unless
 * its process group is orphaned. Return once the process is continued.
 * @signo: SIGTSTP, SIGTTIN or SIGTTOU.
 */
void signals_suspend(int signo);

#endif
