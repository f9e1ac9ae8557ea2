// SPDX-License-Identifier: GPL-2.0-or-later
// Serves status, stop, pause and resume requests to a running VM.
#include "launcher/run/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "launcher/common/text.h"
#include "launcher/common/unix_socket.h"
#include "netsetup/base/cleanup.h"

#define SOCKET_NAME  "control"
#define CLIENTS_MAX  8
#define REQUEST_SIZE 512

/* The longest status fits: 256 ports take some ten KiB of it. */
#define REPLY_SIZE 32768

/* A vmrun that does not reply within this time hangs or is stopped. */
#define REPLY_SECONDS 5

/**
 * struct client - one connection.
 * @socket: -1 if this slot is free.
 * @request: the received part of the request.
 * @size: bytes in @request.
 */
struct client {
	struct control *control;
	int socket;
	char request[REQUEST_SIZE];
	size_t size;
};

struct control {
	struct loop *loop;
	const struct control_ops *ops;
	void *context;
	int listener;
	struct client clients[CLIENTS_MAX];
};

static void client_close(struct client *client)
{
	if (client->socket < 0)
		return;
	loop_remove(client->control->loop, client->socket);
	close(client->socket);
	client->socket = -1;
	client->size = 0;
}

/* Sends an object and a newline; a client whose socket is full or closed is disconnected. */
static void client_send(struct client *client, struct json_object *object)
{
	const char *text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
	cleanup_free char *line = text ? text_format("%s\n", text) : NULL;

	if (line && send(client->socket, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		client_close(client);
}

static void send_error(struct client *client, const char *text)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "error", json_object_new_string(text));
	client_send(client, object);
	json_object_put(object);
	client_close(client);
}

static void send_status(struct client *client)
{
	const struct control *control = client->control;
	struct json_object *status = control->ops->status(control->context);

	if (status)
		client_send(client, status);
	json_object_put(status);
	client_close(client);
}

static void stop(struct client *client, struct json_object *request)
{
	const struct control *control = client->control;
	struct json_object *reply = json_object_new_object();
	struct json_object *value;
	int timeout = -1;
	bool now = false;

	if (json_object_object_get_ex(request, "now", &value))
		now = json_object_get_boolean(value);
	if (json_object_object_get_ex(request, "timeout", &value))
		timeout = json_object_get_int(value);
	json_object_object_add(reply, "stopping", json_object_new_boolean(true));
	client_send(client, reply);
	json_object_put(reply);
	control->ops->stop(now, timeout, control->context);
}

static void pause_or_resume(struct client *client, bool paused)
{
	const struct control *control = client->control;
	struct json_object *reply;
	struct error err;

	if (control->ops->pause(paused, control->context, &err) < 0) {
		send_error(client, err.message);
		return;
	}
	reply = json_object_new_object();
	json_object_object_add(reply, "asked", json_object_new_boolean(true));
	client_send(client, reply);
	json_object_put(reply);
	client_close(client);
}

static void serve(struct client *client)
{
	struct json_object *request = json_tokener_parse(client->request);
	struct json_object *value = NULL;
	const char *type = NULL;

	if (json_object_is_type(request, json_type_object) &&
	    json_object_object_get_ex(request, "request", &value))
		type = json_object_get_string(value);
	client->size = 0;
	if (type && !strcmp(type, "status"))
		send_status(client);
	else if (type && !strcmp(type, "stop"))
		stop(client, request);
	else if (type && (!strcmp(type, "pause") || !strcmp(type, "resume")))
		pause_or_resume(client, !strcmp(type, "pause"));
	else
		send_error(client, "unknown request");
	json_object_put(request);
}

static void on_client(int fd, uint32_t events, void *context)
{
	struct client *client = context;
	char *end;
	ssize_t got;

	got = recv(fd, client->request + client->size, sizeof(client->request) - 1 - client->size,
		   MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		client_close(client);
		return;
	}
	client->size += (size_t)got;
	client->request[client->size] = '\0';
	end = memchr(client->request, '\n', client->size);
	if (end) {
		*end = '\0';
		serve(client);
	} else if (client->size == sizeof(client->request) - 1) {
		send_error(client, "request too long");
	}
}

static void on_connection(int fd, uint32_t events, void *context)
{
	struct control *control = context;
	struct error ignored;
	int socket = unix_socket_accept(fd);

	for (size_t i = 0; socket >= 0 && i < CLIENTS_MAX; i++) {
		struct client *client = &control->clients[i];

		if (client->socket >= 0)
			continue;
		if (loop_add(control->loop, socket, EPOLLIN, on_client, client, &ignored) < 0)
			break;
		client->socket = socket;
		return;
	}
	if (socket >= 0)
		close(socket);
}

struct control *control_open(struct loop *loop, const char *directory,
			     const struct control_ops *ops, void *context, struct error *err)
{
	struct control *control = calloc(1, sizeof(*control));

	if (!control) {
		error_set_errno(err, ENOMEM, "cannot listen for other commands");
		return NULL;
	}
	*control = (struct control){ .loop = loop, .ops = ops, .context = context };
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		control->clients[i] = (struct client){ .control = control, .socket = -1 };
	control->listener = unix_socket_listen(directory, SOCKET_NAME, err);
	if (control->listener >= 0 &&
	    loop_add(loop, control->listener, EPOLLIN, on_connection, control, err) == 0)
		return control;
	error_context(err, "cannot serve other commands in '%s'", directory);
	control_close(control);
	return NULL;
}

void control_close(struct control *control)
{
	if (!control)
		return;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		client_close(&control->clients[i]);
	if (control->listener >= 0) {
		loop_remove(control->loop, control->listener);
		close(control->listener);
	}
	free(control);
}

static int send_request(int fd, struct json_object *request, struct error *err)
{
	cleanup_free char *line = text_format("%s\n", json_object_to_json_string(request));

	if (!line)
		return error_set_errno(err, ENOMEM, "cannot ask the VM");
	if (send(fd, line, strlen(line), MSG_NOSIGNAL) != (ssize_t)strlen(line))
		return error_set_errno(err, errno, "cannot ask the VM");
	return 0;
}

static int receive_reply(int fd, struct json_object **reply, struct error *err)
{
	char text[REPLY_SIZE] = "";
	size_t size = 0;

	while (size < sizeof(text) - 1 && !memchr(text, '\n', size)) {
		ssize_t got = recv(fd, text + size, sizeof(text) - 1 - size, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set_errno(err, errno == EAGAIN ? ETIMEDOUT : errno,
					       "the VM does not answer");
		if (got == 0)
			break;
		size += (size_t)got;
	}
	text[size] = '\0';
	*reply = json_tokener_parse(text);
	if (!*reply)
		return error_set_errno(err, EPROTO, "the VM's answer cannot be read");
	return 0;
}

int control_ask(const char *directory, struct json_object *request, int *socket,
		struct json_object **reply, struct error *err)
{
	const struct timeval timeout = { .tv_sec = REPLY_SECONDS };
	cleanup_fd int fd = -1;
	int ret;

	fd = unix_socket_connect(directory, SOCKET_NAME, err);
	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	ret = send_request(fd, request, err);
	if (ret == 0)
		ret = receive_reply(fd, reply, err);
	if (ret == 0 && socket)
		*socket = take_fd(&fd);
	return ret;
}
