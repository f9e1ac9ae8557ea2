// SPDX-License-Identifier: GPL-2.0-or-later
// A client of QEMU's machine protocol, qemu-qmp-ref(7), that trusts no byte of it.
#ifndef LAUNCHER_QEMU_QMP_H
#define LAUNCHER_QEMU_QMP_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "netsetup/base/error.h"

struct qmp;

/* A message of QEMU may have this many bytes and levels; both are far above what is asked for. */
#define QMP_MESSAGE_MAX (256 * 1024)
#define QMP_DEPTH_MAX   32

/* Commands that wait for their reply. */
#define QMP_PENDING_MAX 16

/* The longest name of a command or an event that is passed on, with its NUL. */
#define QMP_NAME_SIZE 64

/**
 * struct qmp_ops - what a client is told; every member may be NULL.
 * @ready: capabilities are negotiated, commands can be sent.
 * @event: an event and its data; @data is NULL when there is none, and lives for the call.
 * @reply: the reply to a command: @result when it succeeded; else NULL and @failure says why.
 */
struct qmp_ops {
	void (*ready)(void *context);
	void (*event)(const char *name, struct json_object *data, void *context);
	void (*reply)(const char *command, struct json_object *result, const struct error *failure,
		      void *context);
};

/**
 * qmp_new() - make a client.
 * @fd: a stream socket to QEMU, owned by the client from now on (on failure too); made
 *      non-blocking. -1: none, for tests that call qmp_input().
 * @ops: lives as long as the client.
 * @context: passed to @ops.
 * @err: the error.
 *
 * Return: the client, or NULL.
 */
struct qmp *qmp_new(int fd, const struct qmp_ops *ops, void *context, struct error *err);

/* qmp_free() - close the socket; legal for NULL, not from within @ops. */
void qmp_free(struct qmp *qmp);

/* qmp_fd() - the socket, to be watched for EPOLLIN. */
int qmp_fd(const struct qmp *qmp);

/* qmp_is_ready() - whether capabilities are negotiated. */
bool qmp_is_ready(const struct qmp *qmp);

/**
 * qmp_send() - send a command.
 * @qmp: ready.
 * @command: its name, shorter than QMP_NAME_SIZE.
 * @arguments: an object, owned by this call; or NULL.
 * @err: ENOTCONN before it is ready, EBUSY when QMP_PENDING_MAX replies are missing, EAGAIN when
 *       QEMU does not read.
 *
 * Return: 0 or a negative errno.
 */
int qmp_send(struct qmp *qmp, const char *command, struct json_object *arguments,
	     struct error *err);

/**
 * qmp_receive() - read what is there and act on it.
 * @qmp: the client.
 * @err: EPROTO for what is no QMP, ECONNRESET at end-of-file.
 *
 * Return: 0 or a negative errno; the client is of no more use then.
 */
int qmp_receive(struct qmp *qmp, struct error *err);

/**
 * qmp_input() - act on bytes that QEMU sent, cut anywhere.
 * @qmp: the client.
 * @bytes: the bytes.
 * @size: how many.
 * @err: what is wrong with them.
 *
 * Return: 0, -EPROTO or -ENOMEM; every further call gives -EPROTO then.
 */
int qmp_input(struct qmp *qmp, const char *bytes, size_t size, struct error *err);

#endif
