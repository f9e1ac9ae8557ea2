// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the system calls and files that the sandbox of vmrun-image allows.
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "launcher/image/calls.h"
#include "launcher/image/sandbox.h"
#include "netsetup/base/cleanup.h"
#include "tests/unit/support/scratch.h"

/* Ends a child with the number of the line whose condition is false. */
#define CHECK(condition)                        \
	do {                                    \
		if (!(condition))               \
			_exit(__LINE__ & 0xff); \
	} while (0)

/* Runs a function in a child, since a sandbox cannot be left. Returns the wait status. */
static int in_child(void (*function)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		function();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void confined_process(void)
{
	char *const argv[] = { (char *)"false", NULL };
	char *const envp[] = { NULL };
	struct error err;
	int pair[2];

	CHECK(sandbox_process(&err) == 0);
	CHECK(execve("/bin/false", argv, envp) < 0 && errno == ENOSYS);
	CHECK(socket(AF_PACKET, SOCK_DGRAM, 0) < 0 && errno == ENOSYS);
	CHECK(socket(AF_VSOCK, SOCK_STREAM, 0) < 0 && errno == ENOSYS);
	CHECK(socket(AF_UNSPEC, SOCK_STREAM, 0) < 0 && errno == ENOSYS);
	CHECK(socket(AF_UNIX, SOCK_STREAM, 0) < 0 && errno == EAFNOSUPPORT);
	CHECK(socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP) < 0 && errno == ENOSYS);
	CHECK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0);
	CHECK(socket(AF_INET6, SOCK_STREAM, 0) >= 0 || errno == EAFNOSUPPORT);
	CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) < 0 && errno == ENOSYS);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	CHECK(send(pair[0], "x", 1, MSG_FASTOPEN) < 0 && errno == ENOSYS);
	CHECK(send(pair[0], "x", 1, 0) == 1);
	CHECK(unshare(0) < 0 && errno == ENOSYS);
	CHECK(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0) < 0 && errno == ENOSYS);
	CHECK(kill(getppid(), 0) < 0 && errno == ENOSYS);
	CHECK(syscall(SYS_tgkill, getpid(), getpid(), 0) == 0);
	CHECK(syscall(SYS_io_uring_setup, 1, NULL) < 0 && errno == ENOSYS);
	CHECK(ioctl(0, 0x5412, "x") < 0 && errno == ENOSYS); /* TIOCSTI */
}

static void test_process(void **state)
{
	if (SANITIZED)
		skip();
	assert_int_equal(in_child(confined_process), 0);
}

static void confined_files(void)
{
	const char *files[] = { scratch_path("listed"), scratch_path("missing") };
	int directory = open(scratch_path("cache"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct sandbox sandbox = { .directory = directory,
					 .files = files,
					 .file_count = ARRAY_SIZE(files) };
	struct error err;

	CHECK(sandbox_process(&err) == 0);
	CHECK(sandbox_enter(&sandbox, &err) == 0);
	CHECK(openat(directory, "new", O_RDWR | O_CREAT, 0600) >= 0);
	CHECK(renameat(directory, "new", directory, "other") == 0);
	CHECK(unlinkat(directory, "other", 0) == 0);
	CHECK(openat(directory, "../secret", O_RDONLY) < 0 && errno == EACCES);
	CHECK(open(scratch_path("secret"), O_RDONLY) < 0 && errno == EACCES);
	CHECK(open(scratch_path("listed"), O_RDONLY) >= 0);
	CHECK(open(scratch_path("listed"), O_WRONLY) < 0 && errno == EACCES);
	CHECK(open(scratch_path("new"), O_RDWR | O_CREAT, 0600) < 0 && errno == EACCES);
	CHECK(open("/etc/passwd", O_RDONLY) >= 0);
	CHECK(open("/etc/passwd", O_RDWR) < 0 && errno == EACCES);
}

static void test_files(void **state)
{
	scratch_need(syscall(SYS_landlock_create_ruleset, NULL, 0, 1u) >= 1);
	scratch_text("secret", "x");
	scratch_text("listed", "x");
	assert_int_equal(mkdir(scratch_path("cache"), 0700), 0);
	assert_int_equal(in_child(confined_files), 0);
}

/* Connects to a port of the loopback where nobody listens. */
static bool reaches(uint16_t port)
{
	const struct sockaddr_in address = { .sin_family = AF_INET,
					     .sin_port = htons(port),
					     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	cleanup_fd int fd = socket(AF_INET, SOCK_STREAM, 0);

	return connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ||
	       errno != EACCES;
}

static void confined_ports(void)
{
	const uint16_t ports[] = { 443, 8080 };
	const struct sandbox sandbox = { .directory = -1,
					 .ports = ports,
					 .port_count = ARRAY_SIZE(ports) };
	struct error err;

	CHECK(sandbox_process(&err) == 0);
	CHECK(sandbox_enter(&sandbox, &err) == 0);
	CHECK(reaches(443) && reaches(8080) && reaches(53));
	CHECK(!reaches(80) && !reaches(22));
}

static void confined_offline(void)
{
	const struct sandbox sandbox = { .directory = -1 };
	struct error err;

	CHECK(sandbox_process(&err) == 0);
	CHECK(sandbox_enter(&sandbox, &err) == 0);
	CHECK(!reaches(443) && !reaches(53));
}

static void test_ports(void **state)
{
	scratch_need(syscall(SYS_landlock_create_ruleset, NULL, 0, 1u) >= 4);
	assert_int_equal(in_child(confined_ports), 0);
	assert_int_equal(in_child(confined_offline), 0);
}

static int work[2], answer[2];

static void confined_unpack(void)
{
	int input = work[0], output = work[1], reply = answer[1];
	char byte;

	CHECK(sandbox_unpack(&input, &output, &reply) == 0);
	CHECK(input == 3 && output == 4 && reply == 5);
	CHECK(write(output, "x", 1) == 1 && read(input, &byte, 1) == 1 && byte == 'x');
	CHECK(write(reply, "!", 1) == 1);
	CHECK(fcntl(6, F_GETFD) < 0);
}

static void confined_unpack_opens(void)
{
	int input = work[0], output = work[1], reply = answer[1];

	CHECK(sandbox_unpack(&input, &output, &reply) == 0);
	free(malloc(1 << 20));
	CHECK(open("/etc/passwd", O_RDONLY) < 0 && errno == ENOSYS);
	if (write(reply, "?", 1) == 1)
		socket(AF_INET, SOCK_STREAM, 0);
}

static void test_unpack(void **state)
{
	char reply;
	int status;

	assert_int_equal(pipe2(work, O_CLOEXEC), 0);
	assert_int_equal(pipe2(answer, O_CLOEXEC), 0);
	if (SANITIZED)
		skip();
	status = in_child(confined_unpack);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS); /* by fcntl() */
	assert_int_equal(read(answer[0], &reply, 1), 1);
	assert_int_equal(reply, '!');
	status = in_child(confined_unpack_opens);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS); /* by socket() */
	assert_int_equal(read(answer[0], &reply, 1), 1);
	assert_int_equal(reply, '?');
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_process),
		CASE(test_files),
		CASE(test_ports),
		CASE(test_unpack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
