// SPDX-License-Identifier: GPL-2.0-or-later
// Limits the time of system calls that have no timeout, such as close().
#ifndef NETSETUP_CONFINE_CLOSE_TIMEOUT_H
#define NETSETUP_CONFINE_CLOSE_TIMEOUT_H

#include <signal.h>
#include <stddef.h>

#define CLOSE_TIMEOUT_SECONDS 1

/*
 * The timer repeats SIGALRM, because a signal that arrives before a call waits does not end it.
 * Safe: the signal is blocked elsewhere, and a process that may send it may kill this one anyway.
 */

/* struct close_timeout - the signal action and mask that close_timeout_stop() restores. */
struct close_timeout {
	struct sigaction action;
	sigset_t mask;
};

/**
 * close_timeout_start() - make calls that wait fail with EINTR once the time has passed.
 * @seconds: the limit of all calls together until close_timeout_stop().
 * @before: for close_timeout_stop(), which the caller must call after a success only.
 *
 * Return: 0 or a negative errno.
 */
int close_timeout_start(unsigned int seconds, struct close_timeout *before);

/* close_timeout_stop() - stop the timer and restore the signal's action and mask. */
void close_timeout_stop(const struct close_timeout *before);

/**
 * close_timeout_fds() - close descriptors from a peer within about CLOSE_TIMEOUT_SECONDS.
 * @fds: @count descriptors; negative ones are skipped.
 *
 * Threat: a peer can pass a TCP socket with SO_LINGER, whose last close() waits for the remote end.
 * A remote host must not stop the helper from undoing a VM's attachment when its launcher is gone.
 */
void close_timeout_fds(const int *fds, size_t count);

#endif
