// SPDX-License-Identifier: GPL-2.0-or-later
// A running VM answers the user's other commands: what it is like, and that it shall stop or pause.
#ifndef LAUNCHER_RUN_CONTROL_H
#define LAUNCHER_RUN_CONTROL_H

#include <json-c/json.h>
#include <stdbool.h>

#include "launcher/common/loop.h"
#include "netsetup/base/error.h"

/*
 * Theory of operation: the socket "control" in the VM's runtime directory. A client sends one JSON
 * object in one line, {"request": "status"}, "pause", "resume", or {"request": "stop", "now": false,
 * "timeout": 60}, and gets one in one line, which has "error" when it was not done. The connection of a client that asked to stop stays open until vmrun is
 * gone, so that its end tells that the host is as before.
 */

/**
 * struct control_ops - what the VM's owner does.
 * @status: the VM as a JSON object, owned by the caller; NULL when memory ran out.
 * @stop: power the guest off, or end it at once with @now; @timeout: seconds, or negative for the
 *        definition's.
 * @pause: have it stand still, or go on; a negative errno: it is neither.
 */
struct control_ops {
	struct json_object *(*status)(void *context);
	void (*stop)(bool now, int timeout, void *context);
	int (*pause)(bool paused, void *context, struct error *err);
};

struct control;

/**
 * control_open() - listen for requests.
 * @loop: calls us when one comes.
 * @directory: the VM's runtime directory.
 * @ops: what is done.
 * @context: passed to @ops.
 * @err: the error.
 *
 * Return: the control, to be closed with control_close(), or NULL.
 */
struct control *control_open(struct loop *loop, const char *directory,
			     const struct control_ops *ops, void *context, struct error *err);

/* control_close() - listen no more; who asked to stop learns it now. Legal for NULL. */
void control_close(struct control *control);

/**
 * control_ask() - the client's side: send a request and wait for the answer.
 * @directory: the VM's runtime directory.
 * @request: the request; stays the caller's.
 * @socket: the connection, when the caller wants to see its end; or NULL.
 * @reply: the answer, to be released with json_object_put().
 * @err: -ECONNREFUSED or -ENOENT when no VM runs there.
 *
 * Return: 0 or a negative errno.
 */
int control_ask(const char *directory, struct json_object *request, int *socket,
		struct json_object **reply, struct error *err);

#endif
