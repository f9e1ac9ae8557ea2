// SPDX-License-Identifier: GPL-2.0-or-later
// Passes messages to and from the worker.
#include "netsetup/service/worker_link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/fd_pass.h"

/* MAX_ERRNO of include/linux/err.h */
#define ERRNO_MAX 4095

int worker_link_send(const struct worker_link *link, const struct worker_message *message,
		     const int *fds, size_t fd_count, struct error *err)
{
	const int ret = fd_pass_send(link->socket, message, sizeof(*message), fds, fd_count,
				     MSG_DONTWAIT);

	return ret < 0 ? error_set_errno(err, -ret, "cannot send a message to the worker") : 0;
}

int worker_link_receive(const struct worker_link *link, struct worker_message *message,
			struct error *err)
{
	const ssize_t size = recv(link->socket, message, sizeof(*message), MSG_DONTWAIT);

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	if (size < 0)
		return error_set_errno(err, errno, "cannot receive from the worker");
	if (size == 0)
		return error_set_errno(err, ECONNRESET, "the worker has ended");
	/*
	 * Threat: a station has taken over the worker. Test: test_hostile_worker in
	 * tests/lab/security/test_attacks.py.
	 */
	if (size != sizeof(*message) || message->type < WORKER_PROBED ||
	    message->type > WORKER_ACCESSED || message->count > PROBE_BATCH_MAX ||
	    message->error < 0 || message->error > ERRNO_MAX ||
	    (message->type == WORKER_ACCESSED && message->kind >= ACCESS_RESULTS) ||
	    (message->type == WORKER_ASKED && !verdict_check(&message->verdict)))
		return error_setf(err, STATUS_FAILURE, EPROTO, "malformed message of the worker");
	return 0;
}
