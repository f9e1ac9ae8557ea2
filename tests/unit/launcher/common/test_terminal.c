// SPDX-License-Identifier: GPL-2.0-or-later
// Tests that a foreground process restores the terminal's modes and flags.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "launcher/common/terminal.h"
#include "netsetup/base/cleanup.h"

#define CHECK(condition)                       \
	do {                                   \
		if (!(condition))              \
			_exit(__LINE__ % 256); \
	} while (0)

/* Gives a child its own session on a new terminal, which becomes descriptors 0 to 2. */
static void take_terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	int slave;

	CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	CHECK(setsid() == getpid());
	slave = open(ptsname(master), O_RDWR);
	CHECK(slave >= 0);
	CHECK(dup2(slave, 0) == 0 && dup2(slave, 1) == 1 && dup2(slave, 2) == 2);
	ioctl(0, TIOCSCTTY, 0);
	CHECK(tcgetpgrp(0) == getpgrp());
}

/* Changes the terminal as QEMU does if it is the console. */
static void set_raw(void)
{
	struct termios modes;

	CHECK(tcgetattr(0, &modes) == 0);
	cfmakeraw(&modes);
	CHECK(tcsetattr(0, TCSANOW, &modes) == 0);
	CHECK(fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK) == 0);
}

static tcflag_t local_modes(void)
{
	struct termios modes;

	CHECK(tcgetattr(0, &modes) == 0);
	return modes.c_lflag;
}

static void in_child(void (*run)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		run();
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void run_foreground(void)
{
	struct terminal terminal;
	tcflag_t before;
	int flags;

	take_terminal();
	before = local_modes();
	flags = fcntl(0, F_GETFL);
	terminal_save(&terminal);
	CHECK(terminal.tty);
	set_raw();
	CHECK(local_modes() != before && fcntl(1, F_GETFL) != flags);
	terminal_restore(&terminal);
	CHECK(local_modes() == before && fcntl(0, F_GETFL) == flags);
	CHECK(fcntl(1, F_GETFL) == flags);
	terminal_restore(&terminal);
	CHECK(local_modes() == before);
}

/* Another job has the terminal: its modes do not change, and SIGTTOU does not stop this one. */
static void run_background(void)
{
	struct terminal terminal;
	int status;
	int flags;
	pid_t pid;

	take_terminal();
	flags = fcntl(0, F_GETFL);
	terminal_save(&terminal);
	set_raw();
	pid = fork();
	if (pid == 0) {
		CHECK(setpgid(0, 0) == 0);
		terminal_restore(&terminal);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, WUNTRACED) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CHECK(!(local_modes() & ICANON));
	CHECK(fcntl(0, F_GETFL) == flags);
}

/* The foreground job has ended and left its modes: no other process restores them. */
static void run_abandoned(void)
{
	struct terminal terminal;
	tcflag_t before;
	int status;
	pid_t job, pid;

	take_terminal();
	before = local_modes();
	terminal_save(&terminal);
	signal(SIGTTOU, SIG_IGN);
	job = fork();
	if (job == 0) {
		CHECK(setpgid(0, 0) == 0 && tcsetpgrp(0, getpid()) == 0);
		set_raw();
		_exit(0);
	}
	CHECK(waitpid(job, NULL, 0) == job);
	signal(SIGTTOU, SIG_DFL);
	pid = fork();
	if (pid == 0) {
		terminal_restore(&terminal);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, WUNTRACED) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CHECK(local_modes() == before);
}

/* A pipe has no modes, but its flags are restored. */
static void run_pipe(void)
{
	struct terminal terminal;
	int ends[2];

	CHECK(pipe(ends) == 0);
	CHECK(dup2(ends[0], 0) == 0);
	close(1);
	terminal_save(&terminal);
	CHECK(!terminal.tty && terminal.flags[1] == -1);
	CHECK(fcntl(0, F_SETFL, O_NONBLOCK) == 0);
	terminal_restore(&terminal);
	CHECK(!(fcntl(0, F_GETFL) & O_NONBLOCK));
}

static void test_foreground(void **state)
{
	in_child(run_foreground);
}

static void test_background(void **state)
{
	in_child(run_background);
}

static void test_abandoned(void **state)
{
	in_child(run_abandoned);
}

static void test_pipe(void **state)
{
	in_child(run_pipe);
}

static void test_mute(void **state)
{
	static const struct {
		const char *said, *left;
	} cases[] = {
		{ "", "" },
		{ "plain\r\n", "plain\r\n" },
		{ "\033[6n# ", "# " },
		{ "a\033[c\033[>0c\033[?6nb\033Zc", "abc" },
		{ "\033[31mred\033[0m\033[2J\033[4;9H", "\033[31mred\033[0m\033[2J\033[4;9H" },
		{ "cut \033[6", "cut \033[6" },
		{ "cut \033", "cut \033" },
		{ "[6n c \033\033[5n", "[6n c " },
		/* Colours, the cursor's shape and position, modes and a reset stay. */
		{ "\033[1;31m\033[2 q\033[s\033[u\033[?25h\033[!p\033(B\033c",
		  "\033[1;31m\033[2 q\033[s\033[u\033[?25h\033[!p\033(B\033c" },
		{ "a\033[18tb\033[21tc\033[>qd\033[>0qe", "abcde" },
		{ "a\033[4$pb\033[?2026$pc\033[xd\033[1$we\033[?4m\033[?uf", "abcdef" },
		{ "a\005b\033[\0056n", "ab6n" },
		{ "a\033]11;?\ab\033]0;title\033\\c\033]4;1;?\302\234d", "abcd" },
		{ "a\033P+q544e\033\\b\033P$qm\ac\033_Ga=q;AAAA\033\\d", "abcd" },
		/* A string that another sequence interrupts, or that has no end. */
		{ "a\033]11;?\033[31mb", "a\033[31mb" },
		{ "a\033]11;?\033[6nb", "ab" },
		{ "a\033]11;?\n", "a11;?\n" },
		{ "a\033P", "a" },
		/* Terminals accept controls within a sequence, and C1 in UTF-8. */
		{ "a\033[\b6n\033\n[6n", "a\b6n\n[6n" },
		{ "a\302\2336nb\302\23511;?\ac\302\232d\302\23331me", "abcd\302\23331me" },
		{ "\303\251 \302\240 \342\202\254", "\303\251 \302\240 \342\202\254" },
		/* A removed query must not join the bytes around it to a new query. */
		{ "a\033\033[5n[6n", "a[6n" },
		{ "a\033[\033[5n6n", "a6n" },
		{ "a\302\033[5n\2336n", "a\2336n" },
		{ "a\302\005\2336n", "a\2336n" },
		{ "a\033\302\2335n[6n", "a[6n" },
		{ "a\033\005[6n", "a[6n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[64];
		size_t size = strlen(cases[i].said);

		memcpy(text, cases[i].said, size);
		size = terminal_mute(text, size);
		assert_int_equal(size, strlen(cases[i].left));
		assert_memory_equal(text, cases[i].left, size);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_foreground), cmocka_unit_test(test_background),
		cmocka_unit_test(test_abandoned),  cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_mute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
