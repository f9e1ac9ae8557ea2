// SPDX-License-Identifier: GPL-2.0-or-later
// Holds the descriptors that a service stores with its supervisor.
#include "netsetup/keeper/fd_store.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"

/*
 * Threat: a service that was taken over sends anything. The supervisor acts on two kinds of
 * messages of a bounded size, keeps at most KEEPER_FDS_MAX descriptors, and hands them to the next
 * service only. Test: test_keeper.c, test_store_hostile().
 */
#define MESSAGE_SIZE 256

void fd_store_add(struct fd_store *store, const char *name, int fd)
{
	struct kept_fd *kept = &store->fds[store->count];

	if (store->count == KEEPER_FDS_MAX || !keeper_name_valid(name)) {
		close(fd);
		return;
	}
	kept->fd = fd;
	snprintf(kept->name, sizeof(kept->name), "%s", name);
	store->count++;
}

void fd_store_remove(struct fd_store *store, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < store->count; i++) {
		if (strcmp(store->fds[i].name, name) != 0)
			store->fds[kept++] = store->fds[i];
		else
			close(store->fds[i].fd);
	}
	store->count = kept;
}

/* Acts on the assignments of a message; takes the descriptor that came with it out of *@fd. */
static void act(struct fd_store *store, char *text, int *fd)
{
	bool add = false, remove = false;
	const char *name = "";
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		add = add || !strcmp(line, "FDSTORE=1");
		remove = remove || !strcmp(line, "FDSTOREREMOVE=1");
		if (!strncmp(line, "FDNAME=", strlen("FDNAME=")))
			name = line + strlen("FDNAME=");
	}
	if (remove)
		fd_store_remove(store, name);
	else if (add && *fd >= 0)
		fd_store_add(store, name, take_fd(fd));
}

/* Returns the descriptor of a message, or -1. */
static int message_fd(struct msghdr *message)
{
	const struct cmsghdr *header = CMSG_FIRSTHDR(message);
	int fd;

	if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
	    header->cmsg_len != CMSG_LEN(sizeof(fd)))
		return -1;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

void fd_store_receive(struct fd_store *store, int socket)
{
	union {
		struct cmsghdr header;
		char buffer[CMSG_SPACE(sizeof(int))];
	} control;
	char text[MESSAGE_SIZE];
	struct iovec data = { text, sizeof(text) - 1 };
	ssize_t size;

	for (;;) {
		/* CMSG_SPACE() has room for a second descriptor, which the kernel would add. */
		struct msghdr message = { .msg_iov = &data,
					  .msg_iovlen = 1,
					  .msg_control = &control,
					  .msg_controllen = CMSG_LEN(sizeof(int)) };
		cleanup_fd int fd = -1;

		size = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (size < 0)
			return;
		fd = message_fd(&message);
		text[size] = '\0';
		if (!(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
			act(store, text, &fd);
	}
}
