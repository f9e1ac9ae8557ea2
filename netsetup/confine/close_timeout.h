// SPDX-License-Identifier: GPL-2.0-or-later
// A limit to the time that system calls wait which know none.
#ifndef NETSETUP_CONFINE_CLOSE_TIMEOUT_H
#define NETSETUP_CONFINE_CLOSE_TIMEOUT_H

#include <signal.h>
#include <stddef.h>

#define ALARM_CLOSE_SECONDS 1

/*
 * Safe: the signal is blocked everywhere else, and whoever may send it can end us. It goes off again
 * and again: one that comes before a wait begins does not end it.
 */

/**
 * struct alarm_before - what alarm_stop() puts back.
 * @action: of the signal.
 * @mask: of the process.
 */
struct alarm_before {
	struct sigaction action;
	sigset_t mask;
};

/**
 * alarm_start() - from now on a call that waits ends with EINTR, once so many seconds have passed.
 * @seconds: the limit, of all calls until alarm_stop() together.
 * @before: for alarm_stop(), which is due after success only.
 *
 * Return: 0 or a negative errno.
 */
int alarm_start(unsigned int seconds, struct alarm_before *before);

/* alarm_stop() - no more of it. */
void alarm_stop(const struct alarm_before *before);

/**
 * alarm_close() - close what somebody has passed to us, within about ALARM_CLOSE_SECONDS.
 * @fds, @count: descriptors; negative ones are passed over.
 *
 * That may be anything. The last to close a TCP socket waits, if its user wants that (SO_LINGER), for
 * as long as the other end likes: somebody far away must not keep us from undoing a VM's place when
 * its launcher is gone.
 */
void alarm_close(const int *fds, size_t count);

#endif
