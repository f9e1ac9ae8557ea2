// SPDX-License-Identifier: GPL-2.0-or-later
// Keeps the service's descriptors in a place that outlives it.
#ifndef NETSETUP_KEEPER_KEEPER_H
#define NETSETUP_KEEPER_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "netsetup/base/error.h"

/*
 * Theory of operation: a service that dies or is restarted must not lose the connections of its
 * clients. The keeper is the process that starts it again and hands it the descriptors that it has
 * stored. It is systemd (sd_notify(3), FDSTORE; sd_listen_fds(3)), or the supervisor of this
 * program, which speaks the same protocol on an inherited datagram socket.
 *
 * A stored copy keeps a connection open. So a service that ends a connection must shut it down
 * (shutdown(2)) and remove the copy: close() alone sends no end-of-file.
 */

/* Size of a descriptor's name with its NUL, without ':' and control characters. */
#define KEEPER_NAME_SIZE 32

/* More descriptors than a service may ever store. */
#define KEEPER_FDS_MAX 1024

/* First descriptor that is handed over, as SD_LISTEN_FDS_START. */
#define KEEPER_LISTEN_FDS_START 3

/* Variable with the number of the socket to this program's supervisor. */
#define KEEPER_VARIABLE "VMRUN_KEEPER_FD"

/* Name of the listening socket: systemd's is the socket unit's FileDescriptorName. */
#define KEEPER_LISTEN "listen"

/* Name of the first client's connected socket, from the supervisor; not stored under it again. */
#define KEEPER_FIRST "first"

/*
 * Name of the socket to a maker, of whose end its supervisor has no copy. With another keeper the
 * service starts its maker itself.
 */
#define KEEPER_MAKER "maker"

/**
 * struct kept_fd - a descriptor that the keeper has handed over.
 * @fd: close-on-exec, owned by the receiver.
 */
struct kept_fd {
	int fd;
	char name[KEEPER_NAME_SIZE];
};

/**
 * struct keeper - the connection to the keeper.
 * @socket: connected datagram socket, or -1 without a keeper.
 */
struct keeper {
	int socket;
};

/* keeper_name_valid() - true for 1..KEEPER_NAME_SIZE - 1 printable characters but ' ' and ':'. */
static inline bool keeper_name_valid(const char *name)
{
	const size_t length = strlen(name);

	for (size_t i = 0; i < length; i++)
		if (name[i] <= ' ' || name[i] > '~' || name[i] == ':')
			return false;
	return length > 0 && length < KEEPER_NAME_SIZE;
}

/**
 * keeper_open() - receive the descriptors that the keeper hands over, and connect to it. Reads and
 * removes the variables of the environment that describe them.
 * @fds: @max places. A descriptor without a valid name has an empty one.
 * @count: number of descriptors; surplus ones are closed.
 *
 * Return: 0 or a negative errno.
 */
int keeper_open(struct keeper *keeper, struct kept_fd *fds, size_t max, size_t *count,
		struct error *err);

/* keeper_ready() - report that the service accepts clients. */
void keeper_ready(const struct keeper *keeper);

/**
 * keeper_store() - store a copy of a descriptor, without waiting.
 * @name: unique; must be keeper_name_valid().
 *
 * A descriptor that the keeper has handed over is still stored, under the same name.
 *
 * Return: 0, also without a keeper, or a negative errno.
 */
int keeper_store(const struct keeper *keeper, const char *name, int fd, struct error *err);

/* keeper_remove() - remove the copies of a stored descriptor. */
void keeper_remove(const struct keeper *keeper, const char *name);

#endif
