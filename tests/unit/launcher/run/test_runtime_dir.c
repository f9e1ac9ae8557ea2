// SPDX-License-Identifier: GPL-2.0-or-later
// Tests a VM's lock, the error of a second run, and removal.
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "launcher/common/unix_socket.h"
#include "launcher/run/runtime_dir.h"
#include "netsetup/base/cleanup.h"
#include "tests/unit/support/scratch.h"

static int setup(void **state)
{
	return scratch_setup(state) || setenv("XDG_RUNTIME_DIR", scratch, 1);
}

static void take(const char *name, struct runtime_dir *runtime_dir)
{
	struct error err = { 0 };

	if (runtime_dir_take(name, runtime_dir, &err) < 0)
		fail_msg("%s", err.message);
}

static void test_life(void **state)
{
	struct runtime_dir runtime_dir;
	struct error err = { 0 };
	struct stat status;
	int listener;

	take("web", &runtime_dir);
	assert_string_equal(runtime_dir.directory, scratch_path("vmrun/web"));
	assert_int_equal(fcntl(runtime_dir.lock, F_GETFD), FD_CLOEXEC);
	assert_int_equal(stat(runtime_dir.directory, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	assert_int_equal(stat(scratch_path("vmrun/web/lock"), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	listener = unix_socket_listen(runtime_dir.directory, "console", &err);
	assert_true(listener >= 0);
	assert_int_equal(fcntl(listener, F_GETFD), FD_CLOEXEC);
	close(listener);
	runtime_dir_end(&runtime_dir);
	assert_int_equal(access(scratch_path("vmrun/web"), F_OK), -1);
	runtime_dir_end(&runtime_dir);
	/* A second life removes the files that QEMU has left. */
	take("web", &runtime_dir);
	scratch_text("vmrun/web/qmp", "x");
	scratch_text("vmrun/other/lock", "x");
	runtime_dir_end(&runtime_dir);
	assert_int_equal(access(scratch_path("vmrun/web"), F_OK), -1);
	assert_int_equal(access(scratch_path("vmrun/other/lock"), F_OK), 0);
}

/* Stale files are removed, but not by a dry run and not those of a running VM. */
static void test_remove_stale(void **state)
{
	const struct removal real = { 0 }, dry = { .dry_run = true };
	struct runtime_dir runtime_dir;

	take("web", &runtime_dir);
	runtime_dir_remove_stale("web", &real);
	assert_int_equal(access(scratch_path("vmrun/web/lock"), F_OK), 0);
	/* Its death would close the lock like this. */
	close(runtime_dir.lock);
	runtime_dir.lock = -1;
	runtime_dir_end(&runtime_dir);
	runtime_dir_remove_stale("web", &dry);
	assert_int_equal(access(scratch_path("vmrun/web/lock"), F_OK), 0);
	runtime_dir_remove_stale("web", &real);
	assert_int_equal(access(scratch_path("vmrun/web"), F_OK), -1);
	runtime_dir_remove_stale("web", &real);
	assert_int_equal(mkdir(scratch_path("vmrun/web"), 0700), 0);
	runtime_dir_remove_stale("web", &real);
	assert_int_equal(access(scratch_path("vmrun/web"), F_OK), -1);
}

static void assert_second_refused(const char *expected)
{
	struct runtime_dir second;
	struct error err = { 0 };
	char message[128];

	snprintf(message, sizeof(message), "VM 'web' is already running: pid %d, %s", (int)getpid(),
		 expected);
	assert_int_equal(runtime_dir_take("web", &second, &err), -EEXIST);
	assert_string_equal(err.message, message);
	assert_non_null(strstr(err.remedy, "vmrun stop web"));
	assert_int_equal(second.lock, -1);
	runtime_dir_end(&second);
}

static void test_second(void **state)
{
	struct runtime_dir first, other;

	take("web", &first);
	assert_second_refused("no address yet");
	runtime_dir_write_address(&first, "192.168.100.100");
	assert_second_refused("192.168.100.100");
	runtime_dir_write_address(&first, "1.2.3.4");
	assert_second_refused("1.2.3.4");
	runtime_dir_write_address(&first, "no address");
	assert_second_refused("no address");
	/* The end of a refused run has not removed the first one's files. */
	assert_int_equal(access(scratch_path("vmrun/web/lock"), F_OK), 0);
	take("other", &other);
	runtime_dir_end(&other);
	runtime_dir_end(&first);
}

/* A bad lock file must not give a remedy that kills pid 0 or -1, which would hit the user. */
static void test_content(void **state)
{
	static const char *const contents[] = { "",      "\n",   "garbage",
						"0 x\n", "-1 x", "99999999999999999999 x" };
	struct runtime_dir first;

	take("web", &first);
	for (size_t i = 0; i < ARRAY_SIZE(contents); i++) {
		struct runtime_dir second;
		struct error err = { 0 };

		assert_int_equal(ftruncate(first.lock, 0), 0);
		assert_int_equal(pwrite(first.lock, contents[i], strlen(contents[i]), 0),
				 strlen(contents[i]));
		assert_int_equal(runtime_dir_take("web", &second, &err), -EEXIST);
		assert_null(strstr(err.remedy, "kill 0"));
		assert_null(strstr(err.remedy, "kill -"));
		runtime_dir_end(&second);
	}
	runtime_dir_end(&first);
}

/* The files of a killed holder do not block the next run. */
static void test_killed(void **state)
{
	struct runtime_dir runtime_dir;
	struct error err = { 0 };
	int status, ready[2], listener;
	char octet;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (runtime_dir_take("web", &runtime_dir, &err) == 0 &&
		    unix_socket_listen(runtime_dir.directory, "console", &err) >= 0 &&
		    write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &octet, 1), 1);
	close(ready[0]);
	assert_int_equal(runtime_dir_take("web", &runtime_dir, &err), -EEXIST);
	runtime_dir_end(&runtime_dir);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(access(scratch_path("vmrun/web/console"), F_OK), 0);
	take("web", &runtime_dir);
	listener = unix_socket_listen(runtime_dir.directory, "console", &err);
	assert_true(listener >= 0);
	close(listener);
	runtime_dir_end(&runtime_dir);
	assert_int_equal(access(scratch_path("vmrun/web"), F_OK), -1);
}

static void test_console(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct runtime_dir runtime_dir;
	struct error err = { 0 };
	int client, listener, taken;

	take("web", &runtime_dir);
	listener = unix_socket_listen(runtime_dir.directory, "console", &err);
	assert_true(listener >= 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s",
		 scratch_path("vmrun/web/console"));
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
	taken = unix_socket_accept(listener);
	assert_true(taken >= 0);
	assert_int_equal(unix_socket_accept(listener), -1);
	close(taken);
	close(client);
	client = unix_socket_connect(runtime_dir.directory, "console", &err);
	assert_true(client >= 0);
	close(client);
	close(listener);
	runtime_dir_end(&runtime_dir);
}

/* A listener that accepts nobody, with a full queue: the next connect() has a timeout. */
static void test_full_queue(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct runtime_dir runtime_dir;
	struct error err = { 0 };
	int clients[64];
	int listener;
	size_t count;

	take("web", &runtime_dir);
	listener = unix_socket_listen(runtime_dir.directory, "console", &err);
	assert_true(listener >= 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s",
		 scratch_path("vmrun/web/console"));
	for (count = 0; count < ARRAY_SIZE(clients); count++) {
		clients[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(clients[count], (struct sockaddr *)&address, sizeof(address)) < 0)
			break;
	}
	assert_true(count < ARRAY_SIZE(clients));
	assert_int_equal(errno, EAGAIN);
	alarm(20);
	assert_int_equal(unix_socket_connect(runtime_dir.directory, "console", &err), -ETIMEDOUT);
	alarm(0);
	assert_non_null(strstr(err.message, "too many clients wait there"));
	for (size_t each = 0; each <= count; each++)
		close(clients[each]);
	close(listener);
	runtime_dir_end(&runtime_dir);
}

/* A path that is too long for a socket's address. */
static void test_long_path(void **state)
{
	char deep[160];
	struct runtime_dir runtime_dir;
	struct error err = { 0 };

	memset(deep, 'd', 120);
	deep[120] = '\0';
	assert_int_equal(mkdir(scratch_path(deep), 0700), 0);
	assert_int_equal(setenv("XDG_RUNTIME_DIR", scratch_path(deep), 1), 0);
	take("web", &runtime_dir);
	assert_int_equal(unix_socket_listen(runtime_dir.directory, "console", &err), -ENAMETOOLONG);
	runtime_dir_end(&runtime_dir);
}

/* A symbolic link instead of the lock is not followed. */
static void test_link(void **state)
{
	struct runtime_dir runtime_dir;
	struct error err = { 0 };

	take("web", &runtime_dir);
	runtime_dir_end(&runtime_dir);
	scratch_text("vmrun/web/x", "");
	assert_int_equal(symlink("../../victim", scratch_path("vmrun/web/lock")), 0);
	assert_int_equal(runtime_dir_take("web", &runtime_dir, &err), -ELOOP);
	runtime_dir_end(&runtime_dir);
	assert_int_equal(access(scratch_path("victim"), F_OK), -1);
	/* The link is still there: the refused run has not removed it. */
	assert_int_equal(unlink(scratch_path("vmrun/web/lock")), 0);
}

#define PROCESSES 4
#define TURNS     300

/* Takes the name TURNS times; the only error may be -EEXIST. */
static int take_turns(volatile int *inside)
{
	for (int turn = 0; turn < TURNS;) {
		struct runtime_dir runtime_dir;
		struct error err = { 0 };
		int ret = runtime_dir_take("web", &runtime_dir, &err);

		if (ret == 0) {
			if ((*inside)++ != 0)
				return 1;
			if (turn % 7 == 0)
				sched_yield();
			if (access(scratch_path("vmrun/web/lock"), F_OK) < 0)
				return 3;
			(*inside)--;
			turn++;
		} else if (ret != -EEXIST) {
			fprintf(stderr, "%s\n", err.message);
			return 2;
		}
		runtime_dir_end(&runtime_dir);
	}
	return 0;
}

/* Removes stale files forever; it must never remove those of a running VM. */
static pid_t start_remover(void)
{
	pid_t child = fork();

	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			runtime_dir_remove_stale("web", &(struct removal){ 0 });
	}
	return child;
}

static void test_turns(void **state)
{
	volatile int *inside = mmap(NULL, sizeof(*inside), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t children[PROCESSES], remover;

	remover = start_remover();
	assert_true(inside != MAP_FAILED);
	for (size_t i = 0; i < PROCESSES; i++) {
		children[i] = fork();
		if (children[i] == 0)
			_exit(take_turns(inside));
	}
	for (size_t i = 0; i < PROCESSES; i++) {
		int status;

		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	kill(remover, SIGKILL);
	assert_int_equal(waitpid(remover, NULL, 0), remover);
	munmap((void *)inside, sizeof(*inside));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_remove_stale, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_second, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_content, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_killed, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_console, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_full_queue, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_long_path, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_link, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_turns, setup, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
