// SPDX-License-Identifier: GPL-2.0-or-later
// Passes descriptors along with a message (unix(7), SCM_RIGHTS).
#include "netsetup/base/fd_pass.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

int fd_pass_send(int socket, const void *data, size_t size, const int *fds, size_t count, int flags)
{
	struct iovec part = { (void *)data, size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	union {
		char space[CMSG_SPACE(sizeof(int) * FD_PASS_MAX)];
		struct cmsghdr header;
	} control = { 0 };
	ssize_t sent;

	assert(count <= FD_PASS_MAX);

	if (count) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * count);
	}
	do {
		sent = sendmsg(socket, &message, flags | MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}
