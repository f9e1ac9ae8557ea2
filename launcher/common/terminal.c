// SPDX-License-Identifier: GPL-2.0-or-later
// Saves and restores the terminal; removes control sequences that a terminal would answer.
#include "launcher/common/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"

#define ENQ '\005'
#define BEL '\a'
#define CAN '\030'
#define SUB '\032'
#define ESC '\033'

/* In UTF-8, the controls from 0x80 to 0x9f begin with this, such as CSI, which is also ESC [. */
#define UTF8_C1 '\xc2'
#define UTF8_ST '\x9c'

/* Length of ESC and its second byte, and of a control from 0x80 to 0x9f in UTF-8. */
#define INTRODUCER 2

void terminal_save(struct terminal *terminal)
{
	int fd;

	memset(terminal, 0, sizeof(*terminal));
	terminal->tty = tcgetattr(STDIN_FILENO, &terminal->modes) == 0;
	for (fd = 0; fd < 3; fd++)
		terminal->flags[fd] = fcntl(fd, F_GETFL);
}

/* True if no other job is in the foreground, so that this process may change the modes. */
static bool may_set_modes(void)
{
	pid_t foreground = tcgetpgrp(STDIN_FILENO);

	/* It is not our controlling terminal, or its foreground job has ended. */
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

	if (tcgetattr(STDIN_FILENO, &now) < 0 || same_modes(&now, modes) || !may_set_modes())
		return;

	/*
	 * Block SIGTTOU: it would stop this process if it has just gone to the background. Do not
	 * use TCSADRAIN: it waits for output that Ctrl-S holds.
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

unsigned int terminal_width(int fd)
{
	struct winsize size;

	return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/*
 * Control sequences that terminals answer: they end in one of @finals and have @mark, unless 0.
 * These are DSR and DA of ECMA-48, and the queries of DEC's terminals, xterm and kitty.
 */
static const struct {
	char mark;
	const char *finals;
} queries[] = {
	{ 0, "cntx" }, { '>', "q" },  { '?', "Smu" }, { '$', "puw" }, { '&', "u" },
	{ '*', "y" },  { '#', "R|" }, { '\'', "|" },  { '"', "v" },
};

static bool is_query(const char *parameters, size_t size, char final)
{
	for (size_t i = 0; i < ARRAY_SIZE(queries); i++)
		if ((!queries[i].mark || memchr(parameters, queries[i].mark, size)) &&
		    strchr(queries[i].finals, final))
			return true;
	return false;
}

/* Removes the start of a broken sequence: terminals look for its end beyond the wrong byte. */
static size_t mute_control(const char *text, size_t size)
{
	size_t at = INTRODUCER;

	while (at < size && text[at] >= ' ' && text[at] <= '?')
		at++;
	if (at == size)
		return 0;
	if (text[at] < '@' || text[at] > '~')
		return INTRODUCER;
	return is_query(text + INTRODUCER, at - INTRODUCER, text[at]) ? at + 1 : 0;
}

static bool is_c1(const char *text)
{
	return text[0] == UTF8_C1 && (unsigned char)text[1] >= 0x80 &&
	       (unsigned char)text[1] <= 0x9f;
}

/* Removes a string up to its end or the next sequence; without either, only its introducer. */
static size_t mute_string(const char *text, size_t size)
{
	for (size_t at = INTRODUCER; at < size; at++) {
		const bool more = at + 1 < size;

		if (text[at] == BEL || text[at] == CAN || text[at] == SUB)
			return at + 1;
		if (text[at] == ESC)
			return more && text[at + 1] == '\\' ? at + 2 : at;
		if (more && is_c1(text + at))
			return text[at + 1] == UTF8_ST ? at + 2 : at;
	}
	return INTRODUCER;
}

/*
 * Returns the number of bytes to remove at the start of a text, or 0. Removes an introducer without
 * its second byte: once a query after it is gone, it could begin another one.
 */
static size_t mute_start(const char *text, size_t size)
{
	char kind;

	if (text[0] == ENQ)
		return 1;
	if (size < INTRODUCER || (text[0] != ESC && text[0] != UTF8_C1))
		return 0;
	kind = text[1];
	if (is_c1(text))
		kind = (char)((unsigned char)text[1] - 0x40);
	else if (text[0] == UTF8_C1)
		return ((unsigned char)text[1] & 0xc0) == 0x80 ? 0 : 1;
	if (kind < ' ' || kind > '~')
		return 1;
	if (kind == 'Z')
		return INTRODUCER;
	if (kind == '[')
		return mute_control(text, size);
	return strchr("]PX^_", kind) ? mute_string(text, size) : 0;
}

size_t terminal_mute(char *bytes, size_t size)
{
	size_t left = 0;
	size_t at = 0;

	while (at < size) {
		const size_t length = mute_start(bytes + at, size - at);

		if (length)
			at += length;
		else
			bytes[left++] = bytes[at++];
	}
	return left;
}
