// SPDX-License-Identifier: GPL-2.0-or-later
// Connects the guest's serial console to clients and to the log.
#include "launcher/run/console.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launcher/common/terminal.h"
#include "launcher/common/unix_socket.h"
#include "netsetup/base/cleanup.h"

#define CLIENTS_MAX  8
#define HISTORY_SIZE 8192

struct client {
	struct console *console;
	int socket; /* or -1 */
};

/**
 * struct console - the console.
 * @qemu: vmrun's end of QEMU's console.
 * @history: ring of the guest's last output: @length bytes from @start on.
 */
struct console {
	struct loop *loop;
	int listener;
	int qemu;
	struct log_ring *log;
	struct client clients[CLIENTS_MAX];
	char history[HISTORY_SIZE];
	size_t start;
	size_t length;
};

static void client_close(struct client *client)
{
	if (client->socket < 0)
		return;
	loop_remove(client->console->loop, client->socket);
	close(client->socket);
	client->socket = -1;
}

/* Errors are ignored: on_client() notices a closed client, and a slow client loses these bytes. */
static void client_send(const struct client *client, const char *bytes, size_t size)
{
	if (client->socket >= 0 && size > 0)
		send(client->socket, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void history_add(struct console *console, const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		console->history[(console->start + console->length) % HISTORY_SIZE] = bytes[i];
		if (console->length < HISTORY_SIZE)
			console->length++;
		else
			console->start = (console->start + 1) % HISTORY_SIZE;
	}
}

static void on_guest(int fd, uint32_t events, void *context)
{
	struct console *console = context;
	char bytes[4096];
	ssize_t size = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size <= 0) {
		loop_remove(console->loop, fd);
		return;
	}
	history_add(console, bytes, (size_t)size);
	log_ring_write(console->log, bytes, (size_t)size);
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		client_send(&console->clients[i], bytes, (size_t)size);
}

static void on_client(int fd, uint32_t events, void *context)
{
	struct client *client = context;
	char bytes[1024];
	ssize_t size = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size <= 0)
		client_close(client);
	else
		send(client->console->qemu, bytes, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Sends the output from before the client connected, without queries to its terminal. */
static void history_send(const struct console *console, const struct client *client)
{
	char text[HISTORY_SIZE];

	for (size_t i = 0; i < console->length; i++)
		text[i] = console->history[(console->start + i) % HISTORY_SIZE];
	client_send(client, text, terminal_mute(text, console->length));
}

static void on_connection(int fd, uint32_t events, void *context)
{
	struct console *console = context;
	struct error ignored;
	int socket = unix_socket_accept(fd);

	for (size_t i = 0; socket >= 0 && i < CLIENTS_MAX; i++) {
		struct client *client = &console->clients[i];

		if (client->socket >= 0)
			continue;
		if (loop_add(console->loop, socket, EPOLLIN, on_client, client, &ignored) < 0)
			break;
		client->socket = socket;
		history_send(console, client);
		return;
	}
	if (socket >= 0)
		close(socket);
}

static int open_sockets(struct console *console, const char *directory, int *qemu,
			struct error *err)
{
	int sockets[2];
	int ret;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return error_set_errno(err, errno, "cannot make a socket for the console");
	console->qemu = sockets[0];
	*qemu = sockets[1];
	console->listener = unix_socket_listen(directory, CONSOLE_SOCKET_NAME, err);
	ret = console->listener;
	if (ret >= 0)
		ret = loop_add(console->loop, console->listener, EPOLLIN, on_connection, console,
			       err);
	if (ret >= 0)
		ret = loop_add(console->loop, console->qemu, EPOLLIN, on_guest, console, err);
	if (ret >= 0)
		return 0;
	error_context(err, "cannot serve the console in '%s'", directory);
	close(*qemu);
	*qemu = -1;
	return ret;
}

struct console *console_open(struct loop *loop, const char *directory, struct log_ring *log,
			     int *qemu, struct error *err)
{
	struct console *console = calloc(1, sizeof(*console));

	if (!console) {
		error_set_errno(err, ENOMEM, "cannot make the console");
		return NULL;
	}
	console->loop = loop;
	console->listener = -1;
	console->qemu = -1;
	console->log = log;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		console->clients[i] = (struct client){ console, -1 };
	if (open_sockets(console, directory, qemu, err) == 0)
		return console;
	console_close(console);
	return NULL;
}

void console_close(struct console *console)
{
	if (!console)
		return;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		client_close(&console->clients[i]);
	if (console->listener >= 0) {
		loop_remove(console->loop, console->listener);
		close(console->listener);
	}
	if (console->qemu >= 0) {
		loop_remove(console->loop, console->qemu);
		close(console->qemu);
	}
	free(console);
}
