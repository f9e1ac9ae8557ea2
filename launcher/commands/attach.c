// SPDX-License-Identifier: GPL-2.0-or-later
// Connects the user's terminal to the console of a running VM.
#include "launcher/commands/attach.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launcher/common/log.h"
#include "launcher/common/signals.h"
#include "launcher/common/terminal.h"
#include "launcher/common/unix_socket.h"
#include "launcher/run/console.h"
#include "netsetup/base/cleanup.h"

#define DETACH_KEY 0x1d /* Ctrl-] */

static bool write_all(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t written = write(fd, bytes, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		bytes += written;
		size -= (size_t)written;
	}
	return true;
}

/* From the guest to the terminal; false at the end. */
static bool print_console(int console)
{
	char bytes[4096];
	ssize_t size = recv(console, bytes, sizeof(bytes), 0);

	return size > 0 && write_all(STDOUT_FILENO, bytes, (size_t)size);
}

/* From the keyboard to the guest; false at the end or the key that detaches. */
static bool type(int console)
{
	char bytes[1024];
	ssize_t size = read(STDIN_FILENO, bytes, sizeof(bytes));
	const char *detach = size > 0 ? memchr(bytes, DETACH_KEY, (size_t)size) : NULL;

	if (size <= 0)
		return false;
	send(console, bytes, detach ? (size_t)(detach - bytes) : (size_t)size, MSG_NOSIGNAL);
	return !detach;
}

/* Returns 1 when the console has ended, 0 when the user has enough of it, or a negative errno. */
static int relay(int console, int signals, struct error *err)
{
	struct pollfd pollers[] = { { .fd = console, .events = POLLIN },
				    { .fd = STDIN_FILENO, .events = POLLIN },
				    { .fd = signals, .events = POLLIN } };

	for (;;) {
		if (poll(pollers, ARRAY_SIZE(pollers), -1) < 0 && errno != EINTR)
			return error_set(err, errno, "cannot wait for the console");
		if (pollers[0].revents && !print_console(console))
			return 1;
		if (pollers[1].revents && !type(console))
			return 0;
		if (pollers[2].revents && signals_read(signals, NULL) != SIGWINCH)
			return 0;
	}
}

int attach_console(const char *directory, struct error *err)
{
	cleanup_fd int console = -1;
	cleanup_fd int signals = -1;
	struct terminal terminal;
	struct termios raw;
	int rc;

	console = local_connect(directory, HUB_SOCKET, err);
	if (console < 0)
		return console;
	signals = signals_open(err);
	if (signals < 0)
		return signals;
	terminal_save(&terminal);
	if (terminal.tty) {
		log_notice("attached to the console; Ctrl-] detaches");
		raw = terminal.modes;
		cfmakeraw(&raw);
		raw.c_oflag |= OPOST;
		tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	}
	rc = relay(console, signals, err);
	terminal_restore(&terminal);
	if (terminal.tty && rc == 0) {
		/* The guest's prompt stands there. */
		log_text("\n");
		log_notice("detached; the VM runs on");
	} else if (terminal.tty && rc == 1) {
		log_notice("the console has ended, and so has the VM");
	}
	return rc < 0 ? rc : 0;
}
