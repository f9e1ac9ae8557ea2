// SPDX-License-Identifier: GPL-2.0-or-later
// Tests what a Landlock ruleset denies, and that a kernel without Landlock is no error.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ruleset.h"
#include "tests/unit/support/scratch.h"

/* Ends a child with the number of the line whose condition is false. */
#define CHECK(condition)                        \
	do {                                    \
		if (!(condition))               \
			_exit(__LINE__ & 0xff); \
	} while (0)

static struct error err;

/* Runs a function in a child, since a ruleset cannot be left. */
static void in_child(void (*function)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		function();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void enter(struct ruleset *ruleset)
{
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(ruleset_enter(ruleset) == 0);
	ruleset_done(ruleset);
}

static void use_files(void)
{
	struct ruleset ruleset;

	CHECK(ruleset_new(&(struct ruleset_denied){ .files = true }, &ruleset, &err) == 0);
	CHECK(ruleset_allow_path(&ruleset, scratch_path("missing"), RULESET_READ, &err) == 0);
	CHECK(ruleset_allow_path(&ruleset, scratch_path("read"), RULESET_READ, &err) == 0);
	CHECK(ruleset_allow_path(&ruleset, scratch_path("all"), RULESET_CHANGE, &err) == 0);
	/* A right that a file cannot have is left out. */
	CHECK(ruleset_allow_path(&ruleset, scratch_path("none"), RULESET_MAKE_REG, &err) == 0);
	enter(&ruleset);

	CHECK(open(scratch_path("read"), O_RDONLY) >= 0);
	CHECK(open(scratch_path("read"), O_RDWR) < 0 && errno == EACCES);
	CHECK(open(scratch_path("none"), O_RDONLY) < 0 && errno == EACCES);
	CHECK(open(scratch_path("all/new"), O_RDWR | O_CREAT, 0600) >= 0);
	CHECK(rename(scratch_path("all/new"), scratch_path("all/other")) == 0);
	CHECK(unlink(scratch_path("all/other")) == 0);
	CHECK(unlink(scratch_path("none")) < 0 && errno == EACCES);
}

static void test_files(void **state)
{
	scratch_need(ruleset_version() > 0);
	scratch_text("read", "x");
	scratch_text("none", "x");
	assert_int_equal(mkdir(scratch_path("all"), 0700), 0);
	in_child(use_files);
}

static int abstract_address(struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	return snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1, "vmrun-%d",
			(int)getpgrp());
}

static void use_others(void)
{
	const struct sockaddr_in local = { .sin_family = AF_INET,
					   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un address;
	struct ruleset ruleset;

	abstract_address(&address);
	CHECK(kill(getppid(), 0) == 0);
	CHECK(ruleset_new(&(struct ruleset_denied){ false, true, true, true }, &ruleset, &err) ==
	      0);
	enter(&ruleset);

	CHECK(open(scratch_path("none"), O_RDONLY) >= 0);
	CHECK(bind(socket(AF_INET, SOCK_STREAM, 0), (const struct sockaddr *)&local,
		   sizeof(local)) < 0);
	CHECK(errno == EACCES);
	CHECK(connect(socket(AF_UNIX, SOCK_STREAM, 0), (const struct sockaddr *)&address,
		      sizeof(address)) < 0);
	CHECK(errno == EPERM);
	CHECK(kill(getppid(), 0) < 0 && errno == EPERM);
	CHECK(kill(getpid(), 0) == 0);
}

static void test_others(void **state)
{
	cleanup_fd int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;

	scratch_need(ruleset_version() >= RULESET_VERSION_SIGNALS);
	scratch_text("none", "x");
	abstract_address(&address);
	assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 1), 0);
	in_child(use_others);
}

static void use_old_kernel(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	struct ruleset ruleset;

	/* landlock_create_ruleset(2), which libseccomp may not know by name. */
	CHECK(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), 444, 0) == 0);
	CHECK(seccomp_load(filter) == 0);
	CHECK(ruleset_version() == 0);
	CHECK(ruleset_new(&(struct ruleset_denied){ true, true, true, true }, &ruleset, &err) == 0);
	CHECK(ruleset.fd < 0);
	CHECK(ruleset_allow_path(&ruleset, "/", RULESET_READ, &err) == 0);
	CHECK(ruleset_allow(&ruleset, -1, RULESET_READ) == 0);
	enter(&ruleset);
	CHECK(open(scratch_path("none"), O_RDONLY) >= 0);
}

static void test_old_kernel(void **state)
{
	scratch_text("none", "x");
	in_child(use_old_kernel);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_files),
		CASE(test_others),
		CASE(test_old_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
