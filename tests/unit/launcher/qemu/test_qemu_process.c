// SPDX-License-Identifier: GPL-2.0-or-later
// Tests a real QEMU: blocked signals, end with its parent, quit by QMP, terminal.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "launcher/common/signals.h"
#include "launcher/common/terminal.h"
#include "launcher/qemu/qemu_process.h"
#include "launcher/run/shutdown.h"
#include "launcher/run/supervise.h"
#include "netsetup/base/cleanup.h"

#define BINARY     "qemu-system-x86_64"
#define QMP        3
#define WITNESS    9 /* a pipe that only QEMU holds: it closes when QEMU ends */
#define TIMEOUT_MS 120000

#define CHECK(condition)                       \
	do {                                   \
		if (!(condition))              \
			_exit(__LINE__ % 256); \
	} while (0)

static bool installed(void)
{
	char *argv[] = { (char *)BINARY, (char *)"-version", NULL };
	struct process_config config = { .argv = argv };
	struct process process = PROCESS_NONE;
	struct process_fd fd = { open("/dev/null", O_RDWR | O_CLOEXEC), STDOUT_FILENO };
	struct error err;
	siginfo_t end;
	bool works;

	config.fds = &fd;
	config.fd_count = 1;
	sigemptyset(&config.blocked);
	works = process_start(&config, &process, &err) == 0 &&
		process_wait(&process, &end, &err) == 0 && end.si_status == 0;
	close(fd.source);
	if (!works && getenv("VMRUN_TESTS_MUST_RUN"))
		fail_msg("%s is needed", BINARY);
	return works;
}

/* Starts QEMU with @witness, which may be -1. Returns the test's end of its QMP, or an error. */
static int start(bool stdio, int witness, struct process *qemu)
{
	const char *const serial = stdio ? "stdio,id=console,signal=off" : "null,id=console";
	struct argv argv = { 0 };
	struct process_fd fds[2] = { { -1, QMP }, { witness, WITNESS } };
	struct qemu_process_config config = { &argv, fds, witness < 0 ? 1 : 2, NULL, NULL, stdio };
	struct error err = { 0 };
	int ends[2];
	int ret;

	argv_add(&argv, BINARY, "-no-user-config", "-nodefaults", "-accel", "tcg", "-m", "32",
		 "-display", "none", "-chardev", "socket,id=qmp,fd=3", "-qmp", "chardev:qmp",
		 "-chardev", serial, "-serial", "chardev:console", NULL);
	if (argv.failed || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	fds[0].source = ends[1];
	ret = qemu_process_start(&config, qemu, &err);
	close(ends[1]);
	argv_done(&argv);
	return ret < 0 ? ret : ends[0];
}

/* The tests act once QMP is ready. */

struct owner {
	int (*act)(struct vm *vm);
	bool replied;
};

static int on_started(struct vm *vm, struct error *err)
{
	return ((struct owner *)vm->context)->act(vm);
}

/* A reply shows that QEMU has survived the signals. */
static void on_reply(struct vm *vm, const char *command, struct json_object *result,
		     const struct error *failure)
{
	struct owner *owner = vm->context;

	if (strcmp(command, "query-status") != 0)
		return;
	owner->replied = result != NULL;
	shutdown_request(vm, SIGQUIT);
}

static const struct vm_ops ops = { .started = on_started, .reply = on_reply };

static int run(bool stdio, struct owner *owner, struct error *err)
{
	struct vm vm = { .name = "test", .shutdown_timeout = 300, .ops = &ops, .context = owner };
	int status;

	vm.loop = loop_new(err);
	vm.qmp_fd = start(stdio, -1, &vm.qemu);
	if (!vm.loop || vm.qmp_fd < 0)
		return -1;
	status = supervise_run(&vm, err);
	loop_free(vm.loop);
	return status;
}

static unsigned long long blocked(pid_t pid)
{
	unsigned long long mask = 0;
	char path[64], line[256];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	cleanup_file FILE *file = fopen(path, "re");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "SigBlk: %llx", &mask) == 1)
			break;
	return mask;
}

static int act_signals(struct vm *vm)
{
	const unsigned long long both = 1ULL << (SIGTERM - 1) | 1ULL << (SIGHUP - 1);
	struct error err;

	assert_true((blocked(vm->qemu.pid) & both) == both);
	assert_int_equal(getsid(vm->qemu.pid), vm->qemu.pid);
	assert_int_equal(process_signal(&vm->qemu, SIGTERM), 0);
	assert_int_equal(process_signal(&vm->qemu, SIGHUP), 0);
	return qmp_send(vm->qmp, "query-status", NULL, &err);
}

static void test_signals_and_quit(void **state)
{
	struct owner owner = { .act = act_signals };
	struct error err;

	if (!installed())
		skip();
	assert_int_equal(run(false, &owner, &err), STATUS_SIGNAL + SIGQUIT);
	assert_string_equal(err.message, "");
	assert_true(owner.replied);
}

static int act_interrupt(struct vm *vm)
{
	return process_signal(&vm->qemu, SIGINT);
}

static void test_interrupted_from_outside(void **state)
{
	struct owner owner = { .act = act_interrupt };
	struct error err;

	if (!installed())
		skip();
	assert_int_equal(run(false, &owner, &err), STATUS_FAILURE);
	/* At its start QEMU has no handler yet, so that the signal kills it. */
	assert_non_null(strstr(err.message, "signal"));
}

/* QEMU ends when its supervisor is killed, at once or after QEMU's greeting. */
static void end_with_parent(bool greeted)
{
	struct pollfd ready = { .events = POLLIN };
	struct process qemu = PROCESS_NONE;
	char byte;
	int witness[2];
	pid_t pid;
	int qmp;

	assert_int_equal(pipe2(witness, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		qmp = start(false, witness[1], &qemu);
		if (qmp >= 0 && (!greeted || read(qmp, &byte, 1) == 1))
			kill(getpid(), SIGKILL);
		_exit(1);
	}
	close(witness[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	ready.fd = witness[0];
	assert_int_equal(poll(&ready, 1, TIMEOUT_MS), 1);
	assert_int_equal(read(witness[0], &byte, 1), 0);
	close(witness[0]);
}

static void test_ends_with_parent(void **state)
{
	if (!installed())
		skip();
	end_with_parent(false);
	end_with_parent(true);
}

/* QEMU makes a terminal raw and is killed. */

static void pause_briefly(void)
{
	const struct timespec moment = { .tv_nsec = 10000000 };

	nanosleep(&moment, NULL);
}

static int act_kill_when_raw(struct vm *vm)
{
	struct termios modes = { .c_lflag = ICANON };
	int i;

	for (i = 0; i < TIMEOUT_MS / 10 && (modes.c_lflag & ICANON); i++) {
		pause_briefly();
		CHECK(tcgetattr(0, &modes) == 0);
	}
	CHECK(!(modes.c_lflag & (ICANON | ISIG)));
	CHECK(fcntl(0, F_GETFL) & O_NONBLOCK);
	CHECK(getsid(vm->qemu.pid) == getsid(0) && getpgid(vm->qemu.pid) == getpgrp());
	shutdown_request(vm, SIGKILL);
	return 0;
}

static void run_on_terminal(void)
{
	struct owner owner = { .act = act_kill_when_raw };
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct terminal terminal;
	struct termios modes;
	struct error err;
	int slave;

	CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0 && setsid() > 0);
	slave = open(ptsname(master), O_RDWR | O_CLOEXEC);
	CHECK(dup2(slave, 0) == 0 && dup2(slave, 1) == 1);
	ioctl(0, TIOCSCTTY, 0);

	terminal_save(&terminal);
	CHECK(run(true, &owner, &err) == STATUS_SIGNAL + SIGKILL);
	terminal_restore(&terminal);
	CHECK(tcgetattr(0, &modes) == 0);
	CHECK(modes.c_lflag == terminal.modes.c_lflag && modes.c_iflag == terminal.modes.c_iflag);
	CHECK(modes.c_oflag == terminal.modes.c_oflag && modes.c_cflag == terminal.modes.c_cflag);
	CHECK(!(fcntl(0, F_GETFL) & O_NONBLOCK));
	_exit(0);
}

static void test_terminal(void **state)
{
	int status;
	pid_t pid;

	if (!installed())
		skip();
	pid = fork();
	if (pid == 0)
		run_on_terminal();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signals_and_quit),
		cmocka_unit_test(test_interrupted_from_outside),
		cmocka_unit_test(test_ends_with_parent),
		cmocka_unit_test(test_terminal),
	};

	signals_block();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
