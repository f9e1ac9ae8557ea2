// SPDX-License-Identifier: GPL-2.0-or-later
// Passes messages to and from the worker.
#ifndef NETSETUP_SERVICE_WORKER_LINK_H
#define NETSETUP_SERVICE_WORKER_LINK_H

#include "netsetup/base/error.h"
#include "netsetup/worker/worker_message.h"

/**
 * struct worker_link - the connection to the worker.
 * @socket: SOCK_SEQPACKET; -1 without a worker, as for an unprivileged dry run.
 */
struct worker_link {
	int socket;
};

/**
 * worker_link_send() - send a message without waiting.
 * @fds: @fd_count descriptors, 0..2, which stay the caller's.
 *
 * Return: 0 or a negative errno.
 */
int worker_link_send(const struct worker_link *link, const struct worker_message *message,
		     const int *fds, size_t fd_count, struct error *err);

/**
 * worker_link_receive() - receive a message that is there, and check its form.
 *
 * Return: 0, -EAGAIN if there is none, or another negative errno if the worker is gone or faulty.
 */
int worker_link_receive(const struct worker_link *link, struct worker_message *message,
			struct error *err);

#endif
