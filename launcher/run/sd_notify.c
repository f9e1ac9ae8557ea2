// SPDX-License-Identifier: GPL-2.0-or-later
// Sends vmrun's state to a service manager by the protocol of sd_notify(3).
#include "launcher/run/sd_notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"

/* Timeout for a service manager that does not read. */
#define SEND_SECONDS 5

void sd_notify_open(struct sd_notify *sd_notify)
{
	const struct timeval timeout = { .tv_sec = SEND_SECONDS };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	const size_t length = path ? strlen(path) : 0;
	cleanup_fd int fd = -1;

	sd_notify->socket = -1;
	if (length < 2 || length >= sizeof(address.sun_path) || !strchr("/@", path[0]))
		return;
	memcpy(address.sun_path, path, length);
	/* '@' stands for the NUL of an abstract address (unix(7)). */
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	unsetenv("NOTIFY_SOCKET");
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    connect(fd, (const struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		return;
	sd_notify->socket = take_fd(&fd);
}

void sd_notify_send(const struct sd_notify *sd_notify, const char *format, ...)
{
	char text[512];
	va_list args;

	if (sd_notify->socket < 0)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	send(sd_notify->socket, text, strlen(text), MSG_NOSIGNAL);
}

void sd_notify_close(struct sd_notify *sd_notify)
{
	if (sd_notify->socket >= 0)
		close(sd_notify->socket);
	sd_notify->socket = -1;
}
