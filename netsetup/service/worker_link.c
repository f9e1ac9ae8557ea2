// SPDX-License-Identifier: GPL-2.0-or-later
// Passes messages to and from the worker.
#include "netsetup/service/worker_link.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "netsetup/base/cleanup.h"

/* Most descriptors of one message: WORKER_DHCP, WORKER_ASK. */
#define WORKER_FDS_MAX 2

/* MAX_ERRNO of include/linux/err.h */
#define ERRNO_MAX 4095

int worker_link_send(const struct worker_link *link, const struct worker_message *message,
		     const int *fds, size_t fd_count, struct error *err)
{
	struct iovec data = { .iov_base = (void *)message, .iov_len = sizeof(*message) };
	union {
		char space[CMSG_SPACE(sizeof(int) * WORKER_FDS_MAX)];
		struct cmsghdr align;
	} control = { 0 };
	struct msghdr header = { .msg_iov = &data, .msg_iovlen = 1 };

	assert(fd_count <= WORKER_FDS_MAX);

	if (fd_count) {
		header.msg_control = control.space;
		header.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(&control.align), fds, sizeof(int) * fd_count);
	}
	if (sendmsg(link->socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return error_set_errno(err, errno, "cannot send a message to the worker");
	return 0;
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
	    message->type > WORKER_ASKED || message->count > PROBE_BATCH_MAX ||
	    message->error < 0 || message->error > ERRNO_MAX ||
	    (message->type == WORKER_ASKED && !verdict_check(&message->verdict)))
		return error_setf(err, STATUS_FAILURE, EPROTO, "malformed message of the worker");
	return 0;
}
