// SPDX-License-Identifier: GPL-2.0-or-later
// Tests that one run at a time uses a VM's state directory.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "launcher/run/state_dir.h"
#include "netsetup/base/cleanup.h"
#include "tests/unit/support/scratch.h"

#define LOCK "vmrun/web/lock"

static const struct definition definition = { .name = "web", .machine.tpm = true };

static int setup(void **state)
{
	return scratch_setup(state) || setenv("XDG_DATA_HOME", scratch, 1);
}

/* Starts a process that holds the lock for a time, or for 0 until it is killed. */
static pid_t hold(long milliseconds)
{
	const struct timespec moment = { .tv_nsec = milliseconds * 1000000 };
	int ready[2];
	char octet;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		const int fd = open(scratch_path(LOCK), O_RDWR | O_CLOEXEC);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (fd >= 0 && flock(fd, LOCK_EX) == 0 && write(ready[1], "x", 1) == 1) {
			if (milliseconds)
				nanosleep(&moment, NULL);
			else
				pause();
		}
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &octet, 1), 1);
	close(ready[0]);
	return child;
}

static void take(void)
{
	struct state_dir state_dir;
	struct error err = { 0 };

	if (state_dir_take(&definition, &state_dir, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(access(scratch_path(LOCK), F_OK), 0);
	state_dir_end(&state_dir);
}

static void test_short_holder(void **state)
{
	const struct removal removal = { 0 };
	struct error err = { 0 };
	pid_t child;

	take();
	child = hold(50);
	take();
	assert_int_equal(waitpid(child, NULL, 0), child);
	child = hold(50);
	assert_int_equal(state_dir_reset("web", &removal, &err), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void test_second(void **state)
{
	const struct removal removal = { 0 };
	struct error err = { 0 };
	struct state_dir state_dir;
	pid_t child;

	take();
	child = hold(0);
	assert_int_equal(state_dir_take(&definition, &state_dir, &err), -EBUSY);
	assert_non_null(strstr(err.message, "another run uses them"));
	state_dir_end(&state_dir);
	assert_int_equal(state_dir_reset("web", &removal, &err), -EBUSY);
	assert_non_null(strstr(err.message, "it is running"));
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	take();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_short_holder, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_second, setup, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
