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

/* Copies from the guest to the terminal; returns false at the end of the console. */
static bool copy_output(int console)
{
	char bytes[4096];
	ssize_t size = recv(console, bytes, sizeof(bytes), 0);

	return size > 0 && write_all(STDOUT_FILENO, bytes, (size_t)size);
}

/* Copies from the keyboard to the guest; returns false at the end of the input or at Ctrl-]. */
static bool copy_input(int console)
{
	char bytes[1024];
	ssize_t size = read(STDIN_FILENO, bytes, sizeof(bytes));
	const char *detach = size > 0 ? memchr(bytes, DETACH_KEY, (size_t)size) : NULL;

	if (size <= 0)
		return false;
	send(console, bytes, detach ? (size_t)(detach - bytes) : (size_t)size, MSG_NOSIGNAL);
	return !detach;
}

/* Returns 1 if the console has ended, 0 if the user or a signal detaches, or a negative errno. */
static int relay(int console, int signals, struct error *err)
{
	struct pollfd polled[] = { { .fd = console, .events = POLLIN },
				   { .fd = STDIN_FILENO, .events = POLLIN },
				   { .fd = signals, .events = POLLIN } };

	for (;;) {
		if (poll(polled, ARRAY_SIZE(polled), -1) < 0 && errno != EINTR)
			return error_set_errno(err, errno, "cannot wait for the console");
		if (polled[0].revents && !copy_output(console))
			return 1;
		if (polled[1].revents && !copy_input(console))
			return 0;
		if (polled[2].revents && signals_read(signals, NULL) != SIGWINCH)
			return 0;
	}
}

int attach_console(const char *directory, struct error *err)
{
	cleanup_fd int console = -1;
	cleanup_fd int signals = -1;
	struct terminal terminal;
	struct termios raw;
	int ret;

	console = unix_socket_connect(directory, CONSOLE_SOCKET_NAME, err);
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
	ret = relay(console, signals, err);
	terminal_restore(&terminal);
	if (terminal.tty && ret == 0) {
		/* The cursor is behind the guest's prompt. */
		log_text("\n");
		log_notice("detached; the VM keeps running");
	} else if (terminal.tty && ret == 1) {
		log_notice("the console and the VM have ended");
	}
	return ret < 0 ? ret : 0;
}
