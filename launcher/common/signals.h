// SPDX-License-Identifier: GPL-2.0-or-later
// Signals as events: blocked from the first act of main, read from a signalfd.
#ifndef LAUNCHER_COMMON_SIGNALS_H
#define LAUNCHER_COMMON_SIGNALS_H

#include <signal.h>
#include <sys/types.h>

#include "netsetup/base/error.h"

/**
 * signals_block() - block all signals but those that report a fault of the program itself; the
 * first act of main.
 *
 * SIGCHLD gets its default disposition, for a parent may have left it ignored and children could
 * then not be waited for. SIGHUP that was ignored (nohup(1)) stays unblocked, so that the kernel
 * drops it.
 */
void signals_block(void);

/**
 * signals_open() - open a descriptor that tells all blocked signals.
 * @err: the error.
 *
 * Return: the descriptor, non-blocking and close-on-exec, or a negative errno.
 */
int signals_open(struct error *err);

/**
 * signals_read() - take one signal.
 * @fd: from signals_open().
 * @sender: the process that sent it, 0 for the kernel; or NULL.
 *
 * Return: the signal's number, or 0 when there is none.
 */
int signals_read(int fd, pid_t *sender);

/**
 * signals_pending() - whether somebody wants an end, for work before there is an event loop: a
 * download, a step of the preparation. The signal stays pending.
 *
 * Return: SIGINT, SIGTERM, SIGHUP or SIGQUIT when it has come and was not read, else 0.
 */
int signals_pending(void);

/**
 * signals_open_ends() - open a descriptor that is readable when signals_pending() would tell of a
 * signal: to be polled, and read only by who takes the signal away.
 * @err: the error.
 *
 * Return: the descriptor, non-blocking and close-on-exec, or a negative errno.
 */
int signals_open_ends(struct error *err);

/**
 * signals_suspend() - do what a job-control signal does by default: stop this process, unless
 * nobody is there who could continue it. Returns once it is continued.
 * @signo: SIGTSTP, SIGTTIN or SIGTTOU.
 */
void signals_suspend(int signo);

#endif
