// SPDX-License-Identifier: GPL-2.0-or-later
// A limit to the time that system calls wait which know none.
#ifndef NETSETUP_CONFINE_CLOSE_TIMEOUT_H
#define NETSETUP_CONFINE_CLOSE_TIMEOUT_H

#include <signal.h>
#include <stddef.h>

#define CLOSE_TIMEOUT_SECONDS 1

/*
 * Safe: the signal is blocked everywhere else, and whoever may send it can end us. It goes off again
 * and again: one that comes before a wait begins does not end it.
 */

/**
 * struct close_timeout - what close_timeout_stop() puts back.
 * @action: of the signal.
 * @mask: of the process.
 */
struct close_timeout {
	struct sigaction action;
	sigset_t mask;
};

/**
 * close_timeout_start() - from now on a call that waits ends with EINTR, once so many seconds have passed.
 * @seconds: the limit, of all calls until close_timeout_stop() together.
 * @before: for close_timeout_stop(), which is due after success only.
 *
 * Return: 0 or a negative errno.
 */
int close_timeout_start(unsigned int seconds, struct close_timeout *before);

/* close_timeout_stop() - no more of it. */
void close_timeout_stop(const struct close_timeout *before);

/**
 * close_timeout_fds() - close what somebody has passed to us, within about CLOSE_TIMEOUT_SECONDS.
 * @fds, @count: descriptors; negative ones are passed over.
 *
 * That may be anything. The last to close a TCP socket waits, if its user wants that (SO_LINGER), for
 * as long as the other end likes: somebody far away must not keep us from undoing a VM's place when
 * its launcher is gone.
 */
void close_timeout_fds(const int *fds, size_t count);

#endif
