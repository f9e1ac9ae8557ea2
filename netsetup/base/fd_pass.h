// SPDX-License-Identifier: GPL-2.0-or-later
// Passes descriptors along with a message (unix(7), SCM_RIGHTS).
#ifndef NETSETUP_BASE_FD_PASS_H
#define NETSETUP_BASE_FD_PASS_H

#include <stddef.h>

/* The most descriptors of one message. */
#define FD_PASS_MAX 16

/**
 * fd_pass_send() - send one message, without a signal if the peer has gone.
 * @data: @size bytes.
 * @fds: @count descriptors, at most FD_PASS_MAX.
 * @flags: of sendmsg().
 *
 * Return: 0 or a negative errno.
 */
int fd_pass_send(int socket, const void *data, size_t size, const int *fds, size_t count,
		 int flags);

#endif
