// SPDX-License-Identifier: GPL-2.0-or-later
// Connects the user's terminal to the console of a running VM.
#include "launcher/commands/attach.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launcher/common/file.h"
#include "launcher/common/log.h"
#include "launcher/common/options.h"
#include "launcher/common/signals.h"
#include "launcher/common/terminal.h"
#include "launcher/common/unix_socket.h"
#include "launcher/run/console.h"
#include "netsetup/base/cleanup.h"

/**
 * struct keys - the state of the keyboard.
 * @escape: the key that detaches, or OPTIONS_NO_ESCAPE.
 * @tilde: '~' at the start of a line begins "~." and "~~", as in ssh(1). Not for other input than
 *         a terminal's: a script may send such lines.
 * @line_start: the last byte was the end of a line.
 * @held: a '~' waits for the next byte.
 * @sequence: a control sequence of the terminal: 1 after ESC, 2 after ESC [, else 0.
 */
struct keys {
	int escape;
	bool tilde;
	bool line_start;
	bool held;
	unsigned int sequence;
};

/* Copies from the guest to the terminal; returns false at the end of the console. */
static bool copy_output(int console)
{
	char bytes[4096];
	ssize_t size = recv(console, bytes, sizeof(bytes), 0);

	return size > 0 && file_write(STDOUT_FILENO, bytes, (size_t)size) == 0;
}

/*
 * True for the bytes of a CSI sequence, which is no typed text: the terminal's reply to a query of
 * the guest's shell comes between Return and '~'.
 */
static bool in_sequence(struct keys *keys, char byte)
{
	const unsigned int before = keys->sequence;

	if (before == 2)
		keys->sequence = byte >= '@' && byte <= '~' ? 0 : 2;
	else
		keys->sequence = byte == '\033' ? 1 : before && byte == '[' ? 2 : 0;
	return before == 2 || keys->sequence;
}

/*
 * Adds what a byte sends to the guest: up to two bytes at @out. Returns false if it detaches. "~."
 * exists because Ctrl-] is on no key of some keyboards, such as French and Nordic ones.
 */
static bool take_key(struct keys *keys, char byte, char *out, size_t *size)
{
	const bool held = keys->held;

	keys->held = false;
	if (byte == keys->escape || (held && byte == '.'))
		return false;
	if (keys->tilde && keys->line_start && !held && byte == '~') {
		keys->held = true;
		return true;
	}
	if (held && byte != '~')
		out[(*size)++] = '~';
	out[(*size)++] = byte;
	if (!in_sequence(keys, byte))
		keys->line_start = byte == '\r' || byte == '\n';
	return true;
}

/* Copies from the keyboard to the guest; returns false if the input ends or the user detaches. */
static bool copy_input(int console, struct keys *keys)
{
	char bytes[1024], out[2 * sizeof(bytes)];
	ssize_t size = read(STDIN_FILENO, bytes, sizeof(bytes));
	bool attached = size > 0;
	size_t length = 0;

	for (ssize_t i = 0; i < size && attached; i++)
		attached = take_key(keys, bytes[i], out, &length);
	send(console, out, length, MSG_NOSIGNAL);
	return attached;
}

/* Returns 1 if the console has ended, 0 if the user or a signal detaches, or a negative errno. */
static int relay(int console, int signals, struct keys *keys, struct error *err)
{
	struct pollfd polled[] = { { .fd = console, .events = POLLIN },
				   { .fd = STDIN_FILENO, .events = POLLIN },
				   { .fd = signals, .events = POLLIN } };

	for (;;) {
		if (poll(polled, ARRAY_SIZE(polled), -1) < 0 && errno != EINTR)
			return error_set_errno(err, errno, "cannot wait for the console");
		if (polled[0].revents && !copy_output(console))
			return 1;
		if (polled[1].revents && !copy_input(console, keys))
			return 0;
		if (polled[2].revents && signals_read(signals, NULL) != SIGWINCH)
			return 0;
	}
}

static void print_keys(int escape)
{
	if (escape == OPTIONS_NO_ESCAPE)
		log_notice("attached to the console; '~.' after Return detaches");
	else
		log_notice("attached to the console; Ctrl-%c detaches, or '~.' after Return",
			   escape | 0x40);
}

int attach_console(const char *directory, int escape, struct error *err)
{
	struct keys keys = { .escape = escape, .line_start = true };
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
		print_keys(escape);
		raw = terminal.modes;
		cfmakeraw(&raw);
		raw.c_oflag |= OPOST;
		tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	}
	keys.tilde = terminal.tty;
	ret = relay(console, signals, &keys, err);
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
