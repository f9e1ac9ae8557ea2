// SPDX-License-Identifier: GPL-2.0-or-later
// Holds the descriptors that a service stores with its supervisor.
#ifndef NETSETUP_KEEPER_FD_STORE_H
#define NETSETUP_KEEPER_FD_STORE_H

#include "netsetup/keeper/keeper.h"

/**
 * struct fd_store - the stored descriptors.
 * @fds: @count descriptors, owned, close-on-exec.
 */
struct fd_store {
	struct kept_fd fds[KEEPER_FDS_MAX];
	size_t count;
};

/**
 * fd_store_receive() - receive all messages that wait on a socket, and act on them.
 * @socket: datagram socket to the service.
 *
 * Ignores messages that are not understood, and descriptors for which there is no place.
 */
void fd_store_receive(struct fd_store *store, int socket);

/* fd_store_remove() - close all descriptors of this name. */
void fd_store_remove(struct fd_store *store, const char *name);

/* fd_store_add() - store a descriptor, which is closed if it cannot be stored. */
void fd_store_add(struct fd_store *store, const char *name, int fd);

#endif
