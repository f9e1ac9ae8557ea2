// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the system calls and files that a confined program has, by programs and calls.
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "launcher/common/process.h"
#include "netsetup/base/cleanup.h"
#include "tests/unit/support/scratch.h"

/* Ends a child with the number of the line whose condition is false. */
#define CHECK(condition)                        \
	do {                                    \
		if (!(condition))               \
			_exit(__LINE__ & 0xff); \
	} while (0)

#define DENIED(call) CHECK((call) < 0 && errno == EPERM)

static void in_child(const struct confinement_needs *needs, void (*function)(void))
{
	struct confinement confinement;
	struct error err;
	pid_t pid;
	int status;

	assert_int_equal(confinement_new(needs, &confinement, &err), 0);
	pid = fork();
	if (pid == 0) {
		CHECK(confinement_enter(&confinement) == 0);
		function();
		_exit(0);
	}
	confinement_done(&confinement);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void make_few_calls(void)
{
	const struct sockaddr_un address = { AF_UNIX, "/nowhere" };
	int pair[2];

	DENIED(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
	DENIED(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0));
	DENIED(syscall(SYS_bpf, 0, NULL, 0));
	DENIED(syscall(SYS_io_uring_setup, 1, NULL));
	DENIED(syscall(SYS_keyctl, 0, -3, 0));
	DENIED(mount("none", "/", "tmpfs", 0, NULL));
	DENIED(unshare(CLONE_NEWUSER));
	DENIED(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
	DENIED(syscall(SYS_clone, CLONE_NEWNET | CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0));
	CHECK(syscall(SYS_clone3, NULL, 0) < 0 && errno == ENOSYS);
	DENIED(chmod("/dev/null", 0666));
	DENIED(fchmodat(AT_FDCWD, "/dev/null", 0666, 0));
	DENIED(syscall(452, AT_FDCWD, "/dev/null", 0666, 0)); /* fchmodat2 */
	DENIED(lchown("/dev/null", 0, 0));
	DENIED(removexattr("/dev/null", "user.x"));
	DENIED(ioctl(0, TIOCSTI, "x"));
	DENIED(syscall(SYS_ioctl, 0, UINT64_C(1) << 32 | TIOCSTI, "x"));
	DENIED(socket(AF_UNIX, SOCK_STREAM, 0));
	DENIED(syscall(SYS_socket, UINT64_C(1) << 32 | AF_UNIX, SOCK_STREAM, 0));
	DENIED(socket(AF_INET, SOCK_DGRAM, 0));
	DENIED(socket(AF_INET6, SOCK_STREAM, 0));
	DENIED(syscall(SYS_socket, UINT64_C(1) << 32 | AF_INET, SOCK_STREAM, 0));
	DENIED(syscall(SYS_socket, UINT64_C(1) << 32 | AF_NETLINK, SOCK_RAW, 0));
	DENIED(socket(AF_VSOCK, SOCK_STREAM, 0));
	CHECK(socket(AF_NETLINK, SOCK_RAW, 0) >= 0);
	DENIED(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair));
	DENIED(socketpair(AF_UNIX, SOCK_RAW, 0, pair));
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	DENIED(connect(pair[0], (const struct sockaddr *)&address, sizeof(address)));
	CHECK(waitpid(fork(), NULL, WNOHANG) >= 0);
}

static void test_few_calls(void **state)
{
	in_child(&(struct confinement_needs){ 0 }, make_few_calls);
}

static void make_more_calls(void)
{
	const struct sockaddr_un address = { AF_UNIX, "/nowhere" };

	CHECK(socket(AF_INET, SOCK_STREAM, 0) >= 0);
	CHECK(connect(socket(AF_UNIX, SOCK_DGRAM, 0), (const struct sockaddr *)&address,
		      sizeof(address)) < 0);
	CHECK(errno == ENOENT || errno == EACCES);
	CHECK(syscall(SYS_io_uring_setup, 1, NULL) < 0 && errno == EFAULT);
	CHECK(chmod(scratch_path("missing"), 0600) < 0 && errno == ENOENT);
	DENIED(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static void make_local_calls(void)
{
	CHECK(socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
	DENIED(socket(AF_UNIX, SOCK_DGRAM, 0));
	DENIED(socket(AF_UNIX, SOCK_RAW, 0));
}

static void test_more_calls(void **state)
{
	in_child(&(struct confinement_needs){ .inet = true,
					      .connect = true,
					      .local = true,
					      .attributes = true,
					      .keys = true },
		 make_more_calls);
	in_child(&(struct confinement_needs){ .local = true }, make_local_calls);
}

/* Runs cat(1) on a file; returns its status. */
static int read_by_program(const char *path, const struct confinement *confinement)
{
	char *const argv[] = { (char *)"cat", (char *)path, NULL };
	const struct process_config config = { .argv = argv,
					       .confinement = confinement,
					       .directory = "/" };
	struct process process = PROCESS_NONE;
	struct error err;
	siginfo_t end;

	assert_int_equal(process_start(&config, &process, &err), 0);
	assert_int_equal(process_wait(&process, &end, &err), 0);
	return end.si_status;
}

/* A confined program of the system runs, and reads the files that it is allowed. */
static void test_program(void **state)
{
	struct confinement confinement;
	struct error err;

	scratch_need(ruleset_version() > 0);
	scratch_text("own", "");
	scratch_text("other", "");
	assert_int_equal(confinement_new(&(struct confinement_needs){ 0 }, &confinement, &err), 0);
	assert_int_equal(
		ruleset_allow_path(&confinement.ruleset, scratch_path("own"), RULESET_READ, &err),
		0);
	assert_int_equal(read_by_program(scratch_path("own"), &confinement), 0);
	assert_int_equal(read_by_program("/dev/null", &confinement), 0);
	assert_int_equal(read_by_program(scratch_path("other"), &confinement), 1);
	assert_int_equal(read_by_program(scratch_path("other"), NULL), 0);
	confinement_done(&confinement);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_few_calls),
		CASE(test_more_calls),
		CASE(test_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
