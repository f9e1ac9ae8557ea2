// SPDX-License-Identifier: GPL-2.0-or-later
// Passes records with descriptors between the service and its maker.
#include "netsetup/maker/maker_record.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

size_t maker_record_count(const int fds[MAKER_FDS_MAX])
{
	size_t count = 0;

	while (count < MAKER_FDS_MAX && fds[count] >= 0)
		count++;
	return count;
}

void maker_record_close(const int fds[MAKER_FDS_MAX])
{
	for (size_t i = 0; i < maker_record_count(fds); i++)
		close(fds[i]);
}

/* Takes the descriptors that came with a record. */
static void take_fds(struct msghdr *message, int fds[MAKER_FDS_MAX])
{
	const struct cmsghdr *part = CMSG_FIRSTHDR(message);

	if (part && part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS)
		memcpy(fds, CMSG_DATA(part), part->cmsg_len - CMSG_LEN(0));
}

ssize_t maker_record_receive(int socket, void *record, size_t size, int fds[MAKER_FDS_MAX])
{
	struct iovec data = { record, size };
	union {
		char space[CMSG_SPACE(sizeof(int) * MAKER_FDS_MAX)];
		struct cmsghdr align;
	} control;
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = control.space,
				  .msg_controllen = sizeof(control.space) };
	ssize_t received;

	memset(fds, -1, sizeof(int) * MAKER_FDS_MAX);
	do {
		received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	} while (received < 0 && errno == EINTR);
	if (received >= 0)
		take_fds(&message, fds);
	if (received < 0 || !(message.msg_flags & MSG_CTRUNC))
		return received;
	maker_record_close(fds);
	memset(fds, -1, sizeof(int) * MAKER_FDS_MAX);
	errno = EPROTO;
	return -1;
}
