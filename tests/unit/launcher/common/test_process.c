// SPDX-License-Identifier: GPL-2.0-or-later
// Tests a started program's descriptors, signals, session and end.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "launcher/common/process.h"
#include "launcher/qemu/qemu_process.h"
#include "netsetup/base/cleanup.h"

#define SELF       "/proc/self/exe"
#define FD_LAST    128
#define TIMEOUT_MS 60000

/* The program that the tests start: this one, with its role as the argument. */

static int print_fds(void)
{
	struct stat status;
	int fd;

	for (fd = 0; fd < FD_LAST; fd++)
		if (fstat(fd, &status) == 0)
			dprintf(STDOUT_FILENO, "%d=%ju ", fd, (uintmax_t)status.st_ino);
	return 0;
}

static int print_signals(void)
{
	cleanup_file FILE *file = fopen("/proc/self/status", "re");
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "Sig", 3) == 0)
			dprintf(STDOUT_FILENO, "%s", line);
	return 0;
}

static int run_role(const char *role)
{
	if (strcmp(role, "fds") == 0)
		return print_fds();
	if (strcmp(role, "signals") == 0)
		return print_signals();
	if (strcmp(role, "session") == 0) {
		dprintf(STDOUT_FILENO, "%d %d", getsid(0) == getpid(), isatty(STDIN_FILENO));
		return 0;
	}
	if (strcmp(role, "three") == 0)
		return 3;
	dprintf(STDOUT_FILENO, "up");
	for (;;)
		pause();
}

/* Helpers. */

static void make_pipe(int ends[2])
{
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
}

/* Reads all text up to the end-of-file, which comes when the last writer has ended. */
static void read_all(int fd, char *text, size_t size)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	size_t used = 0;
	ssize_t length;

	for (;;) {
		assert_int_equal(poll(&ready, 1, TIMEOUT_MS), 1);
		length = read(fd, text + used, size - used - 1);
		assert_true(length >= 0);
		if (length == 0)
			break;
		used += (size_t)length;
	}
	text[used] = '\0';
}

static void read_up(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	char text[2];

	assert_int_equal(poll(&ready, 1, TIMEOUT_MS), 1);
	assert_int_equal(read(fd, text, 2), 2);
	assert_memory_equal(text, "up", 2);
}

/* Starts this program in a role, reads its standard output to @text, and waits for its end. */
static void run(struct process_config *config, const char *role, char *text, size_t size)
{
	char *argv[] = { (char *)SELF, (char *)role, NULL };
	struct process_fd fds[8];
	struct process process = PROCESS_NONE;
	struct error err = { 0 };
	siginfo_t end;
	int ends[2];

	make_pipe(ends);
	if (config->fd_count)
		memcpy(fds, config->fds, config->fd_count * sizeof(fds[0]));
	fds[config->fd_count++] = (struct process_fd){ ends[1], STDOUT_FILENO };
	config->fds = fds;
	config->argv = argv;
	assert_int_equal(process_start(config, &process, &err), 0);
	close(ends[1]);
	read_all(ends[0], text, size);
	close(ends[0]);
	assert_int_equal(process_wait(&process, &end, &err), 0);
	assert_int_equal(end.si_code, CLD_EXITED);
	assert_int_equal(end.si_status, 0);
	assert_int_equal(process.pid, 0);
	assert_int_equal(process.pidfd, -1);
}

static uintmax_t inode(int fd)
{
	struct stat status;

	assert_int_equal(fstat(fd, &status), 0);
	return status.st_ino;
}

/* Tests. */

/* Sources that are each other's targets, one that stays, one that is used twice. */
static void test_overlapping_fds(void **state)
{
	int low[4] = { 40, 41, 42, 43 };
	struct process_fd fds[] = {
		{ 40, 41 }, { 41, 40 }, { 42, 42 }, { 40, 50 }, { 43, 3 },
	};
	struct process_config config = { .fds = fds, .fd_count = 5 };
	char text[4096], expected[256];
	char *line;
	int ends[2];
	size_t i;

	sigemptyset(&config.blocked);
	for (i = 0; i < 4; i++) {
		make_pipe(ends);
		assert_int_equal(dup3(ends[0], low[i], O_CLOEXEC), low[i]);
		close(ends[0]);
		close(ends[1]);
	}
	run(&config, "fds", text, sizeof(text));

	snprintf(expected, sizeof(expected), " 3=%ju 40=%ju 41=%ju 42=%ju 50=%ju ", inode(43),
		 inode(41), inode(40), inode(42), inode(40));
	line = strstr(text, " 3=");
	assert_non_null(line);
	assert_string_equal(line, expected);
	for (i = 0; i < 4; i++)
		close(low[i]);
}

/* A descriptor that this program itself inherited, not close-on-exec, must not be passed on. */
static void test_inherited_fds_closed(void **state)
{
	struct process_config config = { 0 };
	char text[4096];
	int fds[] = { 3, 5, 60, 127 };
	size_t i;
	int made = 0;
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	sigemptyset(&config.blocked);
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		if (fcntl(fds[i], F_GETFD) < 0)
			made += dup2(null_fd, fds[i]) == fds[i];
	assert_true(made > 0);
	run(&config, "fds", text, sizeof(text));
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	close(null_fd);

	assert_non_null(strstr(text, "0="));
	assert_non_null(strstr(text, " 1="));
	assert_non_null(strstr(text, " 2="));
	assert_int_equal(strchr(strstr(text, " 2=") + 1, ' ')[1], '\0');
}

static unsigned long long mask(const char *text, const char *name)
{
	const char *line = strstr(text, name);
	unsigned long long value;

	assert_non_null(line);
	assert_int_equal(sscanf(line + strlen(name), ": %llx", &value), 1);
	return value;
}

#define BIT(signo) (1ULL << ((signo)-1))

static void test_signals(void **state)
{
	struct process_config config = { 0 };
	sigset_t all, before, after;
	char text[1024];

	sigemptyset(&config.blocked);
	sigaddset(&config.blocked, SIGTERM);
	sigaddset(&config.blocked, SIGHUP);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	run(&config, "signals", text, sizeof(text));
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	sigprocmask(SIG_SETMASK, &before, &after);

	assert_true(mask(text, "SigBlk") == (BIT(SIGTERM) | BIT(SIGHUP)));
	assert_true(mask(text, "SigIgn") == 0);
	assert_true(sigismember(&after, SIGUSR1));
}

static void test_session(void **state)
{
	struct process_config config = { .new_session = true };
	char text[64];

	sigemptyset(&config.blocked);
	run(&config, "session", text, sizeof(text));
	assert_int_equal(text[0], '1');
	config = (struct process_config){ 0 };
	sigemptyset(&config.blocked);
	run(&config, "session", text, sizeof(text));
	assert_int_equal(text[0], '0');
}

static void expect_failure(const char *program, int code, const char *message)
{
	char *argv[] = { (char *)program, NULL };
	struct process_config config = { .argv = argv };
	struct process process = PROCESS_NONE;
	struct error err = { 0 };

	sigemptyset(&config.blocked);
	assert_int_equal(process_start(&config, &process, &err), -code);
	assert_string_equal(err.message, message);
	assert_int_equal(process.pid, 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_exec_failure(void **state)
{
	cleanup_free char *path = strdup(getenv("PATH") ? getenv("PATH") : "/usr/bin");

	/* A directory of PATH that this user may not search would make it EACCES. */
	setenv("PATH", "/nonexistent", 1);
	expect_failure("vmrun-no-such-program", ENOENT,
		       "cannot run 'vmrun-no-such-program': No such file or directory");
	setenv("PATH", path, 1);
	expect_failure("/etc/passwd", EACCES, "cannot run '/etc/passwd': Permission denied");
	expect_failure("/", EACCES, "cannot run '/': Permission denied");
}

/* A source that is no open descriptor is an error. */
static void test_bad_source(void **state)
{
	char *argv[] = { (char *)SELF, (char *)"three", NULL };
	struct process_fd fd = { FD_LAST - 1, 5 };
	struct process_config config = { .argv = argv, .fds = &fd, .fd_count = 1 };
	struct process process = PROCESS_NONE;
	struct error err = { 0 };

	sigemptyset(&config.blocked);
	close(FD_LAST - 1);
	assert_int_equal(process_start(&config, &process, &err), -EBADF);
}

static void test_qemu_missing(void **state)
{
	char *items[] = { (char *)"qemu-system-x86_64", NULL };
	struct argv argv = { .items = items, .count = 1 };
	struct qemu_process_config config = { .argv = &argv };
	struct process process = PROCESS_NONE;
	struct error err = { 0 };
	cleanup_free char *path = strdup(getenv("PATH") ? getenv("PATH") : "/usr/bin");

	setenv("PATH", "/nonexistent", 1);
	assert_int_equal(qemu_process_start(&config, &process, &err), -ENOENT);
	setenv("PATH", path, 1);
	assert_string_equal(err.message,
			    "cannot run 'qemu-system-x86_64': No such file or directory");
	assert_string_equal(err.remedy,
			    "if it is not installed: sudo apt-get install qemu-system-x86");
}

static void test_end(void **state)
{
	char *argv[] = { (char *)SELF, (char *)"three", NULL };
	char *sleeper[] = { (char *)SELF, (char *)"up", NULL };
	struct process_config config = { .argv = argv };
	struct process process = PROCESS_NONE;
	struct pollfd ready = { .events = POLLIN };
	struct error err = { 0 };
	siginfo_t end;

	sigemptyset(&config.blocked);
	process_kill(&process);

	assert_int_equal(process_start(&config, &process, &err), 0);
	ready.fd = process.pidfd;
	assert_int_equal(poll(&ready, 1, TIMEOUT_MS), 1);
	assert_int_equal(process_wait(&process, &end, &err), 0);
	assert_int_equal(end.si_code, CLD_EXITED);
	assert_int_equal(end.si_status, 3);

	config.argv = sleeper;
	assert_int_equal(process_start(&config, &process, &err), 0);
	assert_int_equal(process_signal(&process, SIGUSR1), 0);
	assert_int_equal(process_wait(&process, &end, &err), 0);
	assert_int_equal(end.si_code, CLD_KILLED);
	assert_int_equal(end.si_status, SIGUSR1);

	assert_int_equal(process_start(&config, &process, &err), 0);
	process_kill(&process);
	assert_int_equal(process.pid, 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* The middle process starts the sleeper and is killed: the sleeper must end and close its pipe. */
static void test_death_signal(void **state)
{
	char *argv[] = { (char *)SELF, (char *)"up", NULL };
	struct process_config config = { .argv = argv, .death_signal = SIGINT };
	struct process process = PROCESS_NONE;
	struct process_fd fd = { -1, STDOUT_FILENO };
	struct error err;
	char text[64];
	int ends[2];
	pid_t middle;

	make_pipe(ends);
	sigemptyset(&config.blocked);
	fd.source = ends[1];
	config.fds = &fd;
	config.fd_count = 1;
	middle = fork();
	if (middle == 0) {
		if (process_start(&config, &process, &err) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	assert_true(middle > 0);
	close(ends[1]);
	read_up(ends[0]);
	assert_int_equal(kill(middle, SIGKILL), 0);
	assert_int_equal(waitpid(middle, NULL, 0), middle);
	read_all(ends[0], text, sizeof(text));
	close(ends[0]);
}

static void test_guard_stdio(void **state)
{
	struct error err;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		close(0);
		close(2);
		if (process_guard_stdio(&err) < 0)
			_exit(1);
		_exit(fcntl(0, F_GETFD) == 0 && fcntl(2, F_GETFD) == 0 ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overlapping_fds), cmocka_unit_test(test_inherited_fds_closed),
		cmocka_unit_test(test_signals),         cmocka_unit_test(test_session),
		cmocka_unit_test(test_exec_failure),    cmocka_unit_test(test_bad_source),
		cmocka_unit_test(test_qemu_missing),    cmocka_unit_test(test_end),
		cmocka_unit_test(test_death_signal),    cmocka_unit_test(test_guard_stdio),
	};

	if (argc > 1)
		return run_role(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
