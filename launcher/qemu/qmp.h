// SPDX-License-Identifier: GPL-2.0-or-later
// QMP client (qemu-qmp-ref(7)) that checks every byte QEMU sends.
#ifndef LAUNCHER_QEMU_QMP_H
#define LAUNCHER_QEMU_QMP_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "netsetup/base/error.h"

struct qmp;

/* The most bytes and levels of a message from QEMU. The replies that vmrun needs have far fewer. */
#define QMP_MESSAGE_MAX (256 * 1024)
#define QMP_DEPTH_MAX   32

/* The most commands that wait for a reply. */
#define QMP_PENDING_MAX 16

/* The size of a command's or an event's name with its NUL; a longer event name is cut. */
#define QMP_NAME_SIZE 64

/**
 * struct qmp_ops - callbacks of a client; each may be NULL.
 * @ready: capabilities are negotiated; commands can be sent.
 * @event: an event. @data is NULL if the event has none, and is valid during the call only.
 * @reply: the reply to a command. @result is NULL if it failed; @failure has the reason then.
 */
struct qmp_ops {
	void (*ready)(void *context);
	void (*event)(const char *name, struct json_object *data, void *context);
	void (*reply)(const char *command, struct json_object *result, const struct error *failure,
		      void *context);
};

/**
 * qmp_new() - make a client.
 * @fd: a stream socket to QEMU. The client owns it, even on failure, and makes it non-blocking.
 *      Tests pass -1 and call qmp_input().
 * @ops: must live as long as the client.
 * @context: passed to @ops.
 *
 * Return: the client, or NULL.
 */
struct qmp *qmp_new(int fd, const struct qmp_ops *ops, void *context, struct error *err);

/* qmp_free() - close the socket and free @qmp, which may be NULL; must not be called from @ops. */
void qmp_free(struct qmp *qmp);

/* qmp_fd() - return the socket; the caller watches it for EPOLLIN. */
int qmp_fd(const struct qmp *qmp);

/* qmp_is_ready() - true if capabilities are negotiated. */
bool qmp_is_ready(const struct qmp *qmp);

/**
 * qmp_send() - send a command.
 * @command: its name, shorter than QMP_NAME_SIZE.
 * @arguments: an object or NULL; this function takes ownership.
 * @err: ENOTCONN if @qmp is not ready, EBUSY if QMP_PENDING_MAX replies are missing, EAGAIN if
 *       QEMU does not read.
 *
 * Return: 0 or a negative errno.
 */
int qmp_send(struct qmp *qmp, const char *command, struct json_object *arguments,
	     struct error *err);

/**
 * qmp_receive() - read available bytes and call @ops for each complete message.
 * @err: EPROTO if QEMU breaks the protocol, ECONNRESET at end-of-file.
 *
 * Return: 0 or a negative errno; the client must not be used after an error.
 */
int qmp_receive(struct qmp *qmp, struct error *err);

/**
 * qmp_input() - handle bytes from QEMU; a message may be split at any byte.
 *
 * Return: 0, -EPROTO or -ENOMEM; after an error every call returns -EPROTO.
 */
int qmp_input(struct qmp *qmp, const char *bytes, size_t size, struct error *err);

#endif
