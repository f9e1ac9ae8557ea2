// SPDX-License-Identifier: GPL-2.0-or-later
// Serves status, stop, pause and resume requests to a running VM.
#ifndef LAUNCHER_RUN_CONTROL_H
#define LAUNCHER_RUN_CONTROL_H

#include <json-c/json.h>
#include <stdbool.h>

#include "launcher/common/loop.h"
#include "netsetup/base/error.h"

/*
 * Theory of operation: vmrun listens on the socket "control" in the VM's runtime directory. A
 * client sends one JSON object on one line: {"request": "status"}, "pause", "resume", or
 * {"request": "stop", "now": false, "timeout": 60}. The reply is one JSON object on one line; it
 * has "error" if the request failed. The connection of a stop request stays open until vmrun has
 * restored the host: a client waits for its end.
 */

/**
 * struct control_ops - callbacks that carry a request out.
 * @status: return the VM as a JSON object, owned by the caller; NULL if out of memory.
 * @stop: power the guest off, or quit QEMU if @now is true; @timeout: seconds to wait for
 *        power-off, or negative for the definition's value.
 * @pause: pause the VM, or resume it; a negative errno if neither is possible.
 */
struct control_ops {
	struct json_object *(*status)(void *context);
	void (*stop)(bool now, int timeout, void *context);
	int (*pause)(bool paused, void *context, struct error *err);
};

struct control;

/**
 * control_open() - listen for requests.
 * @directory: the VM's runtime directory.
 * @context: passed to @ops.
 *
 * Return: to be closed with control_close(), or NULL.
 */
struct control *control_open(struct loop *loop, const char *directory,
			     const struct control_ops *ops, void *context, struct error *err);

/* control_close() - close all connections, which ends the wait of stop requests. May be NULL. */
void control_close(struct control *control);

/**
 * control_ask() - connect as a client, send a request and wait for the reply.
 * @directory: the VM's runtime directory.
 * @request: stays the caller's.
 * @socket: the connection, for a caller that waits for its end; or NULL.
 * @reply: to be released with json_object_put().
 *
 * Return: 0, -ECONNREFUSED or -ENOENT if no VM runs there, or another negative errno.
 */
int control_ask(const char *directory, struct json_object *request, int *socket,
		struct json_object **reply, struct error *err);

#endif
