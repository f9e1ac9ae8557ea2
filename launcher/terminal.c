// SPDX-License-Identifier: GPL-2.0-or-later
// The user's terminal: kept as it was, whatever QEMU does to it and however it ends.
#include "launcher/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

void terminal_save(struct terminal *terminal)
{
	int fd;

	memset(terminal, 0, sizeof(*terminal));
	terminal->tty = tcgetattr(STDIN_FILENO, &terminal->modes) == 0;
	for (fd = 0; fd < 3; fd++)
		terminal->flags[fd] = fcntl(fd, F_GETFL);
}

/* Whether it is for this process to change the modes: not while another job is in the foreground. */
static bool ours(void)
{
	pid_t foreground = tcgetpgrp(STDIN_FILENO);

	/* Not our controlling terminal: no job control on it. Or its foreground job has ended. */
	if (foreground <= 0 || (kill(-foreground, 0) < 0 && errno == ESRCH))
		return true;
	return foreground == getpgrp();
}

static bool same_modes(const struct termios *a, const struct termios *b)
{
	return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag && a->c_cflag == b->c_cflag &&
	       a->c_lflag == b->c_lflag && memcmp(a->c_cc, b->c_cc, sizeof(a->c_cc)) == 0;
}

static void restore_modes(const struct termios *modes)
{
	sigset_t set, before;
	struct termios now;

	if (tcgetattr(STDIN_FILENO, &now) < 0 || same_modes(&now, modes) || !ours())
		return;

	/*
	 * Blocked, the signal does not stop us if we went to the background just now. At once, for
	 * output that nobody reads (Ctrl-S) would be waited for.
	 */
	sigemptyset(&set);
	sigaddset(&set, SIGTTOU);
	sigprocmask(SIG_BLOCK, &set, &before);
	tcsetattr(STDIN_FILENO, TCSANOW, modes);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

void terminal_restore(const struct terminal *terminal)
{
	int fd;

	for (fd = 0; fd < 3; fd++)
		if (terminal->flags[fd] >= 0 && fcntl(fd, F_GETFL) != terminal->flags[fd])
			fcntl(fd, F_SETFL, terminal->flags[fd]);
	if (terminal->tty)
		restore_modes(&terminal->modes);
}

/* How long a question at the start of a text is, or 0 when there is none. */
static size_t question(const char *text, size_t size)
{
	size_t length = 2;

	if (size < 2 || text[0] != '\033')
		return 0;
	if (text[1] == 'Z')
		return 2;
	if (text[1] != '[')
		return 0;
	while (length < size && text[length] && strchr("0123456789;?>=", text[length]))
		length++;
	return length < size && (text[length] == 'n' || text[length] == 'c') ? length + 1 : 0;
}

size_t terminal_mute(char *bytes, size_t size)
{
	size_t left = 0;
	size_t at = 0;

	while (at < size) {
		const size_t length = question(bytes + at, size - at);

		if (length)
			at += length;
		else
			bytes[left++] = bytes[at++];
	}
	return left;
}
