// SPDX-License-Identifier: GPL-2.0-or-later
// Serves the records of one client.
#ifndef NETSETUP_SERVICE_CLIENT_H
#define NETSETUP_SERVICE_CLIENT_H

#include "netsetup/service/state.h"

/**
 * struct client - a connection that has made no request to attach a VM yet.
 * @socket: the connection.
 * @deadline: monotonic_ms() at which it is closed; UINT64_MAX for a client that is root.
 * @pid: process ID of a client that has requested this connection by another one; else 0.
 * @further: a new connection that it has requested, or -1.
 */
struct client {
	struct client *next;
	int socket;
	uint64_t deadline;
	int32_t pid;
	int further;
};

/* Time for the first request of a client that is not root, in ms. */
#define CLIENT_REQUEST_MS 10000

/**
 * client_accept() - check who has connected.
 * @socket: the connection.
 * @count: other connections of the same user.
 * @err: the reason to refuse it.
 *
 * Return: 0 or a negative errno.
 */
int client_accept(int socket, unsigned int count, struct error *err);

/* client_pid() - process ID of a connection's other end; 0 if unknown. */
int32_t client_pid(const struct client *client);

/* client_uid() - user ID of a connection's other end; (uid_t)-1 if unknown. */
uid_t client_uid(int socket);

/**
 * client_first() - serve the first record of a connection.
 * @client: its socket is readable; is -1 afterwards if a VM of the state has it now. The caller
 *          takes client->further over.
 *
 * Return: 0, or a negative errno after which the connection must be closed; the client has the
 * reason.
 */
int client_first(struct state *state, struct client *client, struct error *err);

/**
 * client_event() - serve a record of a VM's client, or its end-of-file.
 *
 * Return: 0, or 1 if the VM has ended and is freed.
 */
int client_event(struct state *state, struct vm *vm);

/**
 * client_worker() - serve a message of the worker.
 *
 * Return: 0, or a negative errno if it has none or is gone or faulty.
 */
int client_worker(struct state *state, struct error *err);

/* client_restore() - make the VM whole after a restart, and send its client what is new. */
void client_restore(struct state *state, struct vm *vm);

/* client_lost() - undo a VM whose client did not come back. */
void client_lost(struct state *state, struct vm *vm);

/* client_sweep() - remove what no VM of the state has, as a dead service has left it. */
void client_sweep(struct state *state);

#endif
