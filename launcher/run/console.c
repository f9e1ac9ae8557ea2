// SPDX-License-Identifier: GPL-2.0-or-later
// The guest's serial console for any number of readers that come and go, and for the log.
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

#define READERS_MAX  8
#define HISTORY_SIZE 8192

struct reader {
	struct hub *hub;
	int socket; /* or -1 */
};

/**
 * struct hub - the console.
 * @qemu: our end of QEMU's console.
 * @history: the last bytes that the guest wrote, from @start on, @length of them.
 */
struct hub {
	struct loop *loop;
	int listener;
	int qemu;
	int log;
	struct reader readers[READERS_MAX];
	char history[HISTORY_SIZE];
	size_t start;
	size_t length;
};

static void reader_close(struct reader *reader)
{
	if (reader->socket < 0)
		return;
	loop_remove(reader->hub->loop, reader->socket);
	close(reader->socket);
	reader->socket = -1;
}

/* One that has gone is noticed when it is read from; one that is slow loses this. */
static void reader_tell(const struct reader *reader, const char *bytes, size_t size)
{
	if (reader->socket >= 0 && size > 0)
		send(reader->socket, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void remember(struct hub *hub, const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		hub->history[(hub->start + hub->length) % HISTORY_SIZE] = bytes[i];
		if (hub->length < HISTORY_SIZE)
			hub->length++;
		else
			hub->start = (hub->start + 1) % HISTORY_SIZE;
	}
}

static void on_guest(int fd, uint32_t events, void *context)
{
	struct hub *hub = context;
	char bytes[4096];
	ssize_t size = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size <= 0) {
		loop_remove(hub->loop, fd);
		return;
	}
	remember(hub, bytes, (size_t)size);
	/* A log that cannot be written is no reason to keep the console from its readers. */
	if (hub->log >= 0 && write(hub->log, bytes, (size_t)size) < 0)
		hub->log = -1;
	for (size_t i = 0; i < READERS_MAX; i++)
		reader_tell(&hub->readers[i], bytes, (size_t)size);
}

static void on_reader(int fd, uint32_t events, void *context)
{
	struct reader *reader = context;
	char bytes[1024];
	ssize_t size = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size <= 0)
		reader_close(reader);
	else
		send(reader->hub->qemu, bytes, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* What the guest wrote before a reader came. */
static void tell_history(const struct hub *hub, const struct reader *reader)
{
	char text[HISTORY_SIZE];

	for (size_t i = 0; i < hub->length; i++)
		text[i] = hub->history[(hub->start + i) % HISTORY_SIZE];
	reader_tell(reader, text, terminal_mute(text, hub->length));
}

static void on_connection(int fd, uint32_t events, void *context)
{
	struct hub *hub = context;
	struct error ignored;
	int socket = local_accept(fd);

	for (size_t i = 0; socket >= 0 && i < READERS_MAX; i++) {
		struct reader *reader = &hub->readers[i];

		if (reader->socket >= 0)
			continue;
		if (loop_add(hub->loop, socket, EPOLLIN, on_reader, reader, &ignored) < 0)
			break;
		reader->socket = socket;
		tell_history(hub, reader);
		return;
	}
	if (socket >= 0)
		close(socket);
}

static int open_sockets(struct hub *hub, const char *directory, int *qemu, struct error *err)
{
	int sockets[2];
	int rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return error_set(err, errno, "cannot make a socket for the console");
	hub->qemu = sockets[0];
	*qemu = sockets[1];
	hub->listener = local_listen(directory, HUB_SOCKET, err);
	rc = hub->listener;
	if (rc >= 0)
		rc = loop_add(hub->loop, hub->listener, EPOLLIN, on_connection, hub, err);
	if (rc >= 0)
		rc = loop_add(hub->loop, hub->qemu, EPOLLIN, on_guest, hub, err);
	if (rc >= 0)
		return 0;
	error_context(err, "cannot serve the console in '%s'", directory);
	close(*qemu);
	*qemu = -1;
	return rc;
}

struct hub *hub_open(struct loop *loop, const char *directory, int log, int *qemu,
		     struct error *err)
{
	struct hub *hub = calloc(1, sizeof(*hub));

	if (!hub) {
		error_set(err, ENOMEM, "cannot make the console");
		return NULL;
	}
	hub->loop = loop;
	hub->listener = -1;
	hub->qemu = -1;
	hub->log = log;
	for (size_t i = 0; i < READERS_MAX; i++)
		hub->readers[i] = (struct reader){ hub, -1 };
	if (open_sockets(hub, directory, qemu, err) == 0)
		return hub;
	hub_close(hub);
	return NULL;
}

void hub_close(struct hub *hub)
{
	if (!hub)
		return;
	for (size_t i = 0; i < READERS_MAX; i++)
		reader_close(&hub->readers[i]);
	if (hub->listener >= 0) {
		loop_remove(hub->loop, hub->listener);
		close(hub->listener);
	}
	if (hub->qemu >= 0) {
		loop_remove(hub->loop, hub->qemu);
		close(hub->qemu);
	}
	free(hub);
}
