// SPDX-License-Identifier: GPL-2.0-or-later
// Tests a backend's life: search, environment, output and end.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "launcher/devices/backend.h"
#include "netsetup/base/cleanup.h"
#include "tests/unit/support/scratch.h"

#define SELF   "/proc/self/exe"
#define LINK   5 /* the backend's end of its connection with QEMU */
#define PASSED 20

/* The backend of the tests: this program, with a role as argument. */

static int print_surroundings(void)
{
	char text[64] = "?";
	ssize_t size = readlink("/proc/self/fd/0", text, sizeof(text) - 1);

	if (size > 0)
		text[size] = '\0';
	printf("stdin %s\n", text);
	for (char **each = environ; *each; each++)
		printf("env %s\n", *each);
	for (int fd = 3; fd < 100; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("fd %d\n", fd);
	printf("session %d\n", getsid(0) == getpid());
	return 0;
}

/* Serves the connection until it is closed, like a real backend. */
static int serve(void)
{
	char byte;

	dprintf(STDERR_FILENO, "serving\n");
	while (read(LINK, &byte, 1) > 0)
		;
	dprintf(STDERR_FILENO, "last words");
	return 0;
}

static int be(const char *role)
{
	if (strcmp(role, "surroundings") == 0)
		return print_surroundings();
	if (strcmp(role, "serve") == 0)
		return serve();
	if (strcmp(role, "fail") == 0)
		return dprintf(STDERR_FILENO, "fail: cannot lock\033[2J it\r\n") < 0 ? 1 : 7;
	for (int i = 0; strcmp(role, "flood") == 0 && i < 100000; i++)
		printf("line %d\n", i);
	if (strcmp(role, "stubborn") == 0)
		signal(SIGINT, SIG_IGN);
	dprintf(STDERR_FILENO, "up\n");
	for (;;)
		pause();
}

static char said[65536];
static char lost[256];
static struct loop *loop;

static void on_said(const char *name, const char *line, void *context)
{
	size_t used = strlen(said);

	snprintf(said + used, sizeof(said) - used, "%s: %s\n", name, line);
	if (context && strstr(line, context))
		loop_stop(loop);
}

static void on_lost(const char *name, const char *how, void *context)
{
	snprintf(lost, sizeof(lost), "%s %s", name, how);
	loop_stop(loop);
}

static const struct backend_ops ops = { on_said, on_lost };

/* Starts a backend with @role; @link gets the other end of LINK and may be NULL. */
static void start(struct backends *backends, const char *role, int *link)
{
	struct process_fd fd = { -1, LINK };
	struct argv argv = { 0 };
	struct backend_config config = { role, &argv, &fd, link ? 1 : 0, NULL };
	struct error err = { 0 };
	int ends[2] = { -1, -1 };

	said[0] = lost[0] = '\0';
	argv_add(&argv, SELF, role, NULL);
	if (link) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
		fd.source = ends[1];
		*link = ends[0];
	}
	assert_int_equal(backend_start(backends, &config, &err), 0);
	argv_done(&argv);
	if (link)
		close(ends[1]);
}

static void watch(struct backends *backends, const char *until)
{
	struct error err = { 0 };

	loop = loop_new(&err);
	assert_non_null(loop);
	assert_int_equal(backend_watch(backends, loop, &ops, (void *)until, &err), 0);
	if (until)
		assert_int_equal(loop_run(loop, &err), 0);
}

/* Ends all backends and returns the duration in ms; checks that no child is left. */
static long end(struct backends *backends)
{
	struct timespec before, after;

	clock_gettime(CLOCK_MONOTONIC, &before);
	backend_end(backends);
	clock_gettime(CLOCK_MONOTONIC, &after);
	loop_free(loop);
	loop = NULL;
	assert_int_equal(backends->count, 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	return (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
}

/* Tests. */

static void make_file(const char *name, mode_t mode)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", scratch, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	close(fd);
}

static void test_find(void **state)
{
	const char *const directories[] = { "relative", "/nonexistent", scratch, NULL };
	cleanup_free char *before = strdup(getenv("PATH"));
	cleanup_free char *expected = NULL;
	cleanup_free char *path = NULL;
	struct error err = { 0 };

	make_file("backend", 0700);
	make_file("text", 0600);
	assert_true(asprintf(&expected, "%s/backend", scratch) > 0);

	setenv("PATH", "/nonexistent::.", 1);
	assert_int_equal(backend_find("backend", directories, "pack", &path, &err), 0);
	assert_string_equal(path, expected);
	assert_int_equal(backend_find("text", directories, "pack", &path, &err), -ENOENT);
	assert_string_equal(err.message,
			    "cannot find the program 'text': No such file or directory");
	assert_string_equal(err.remedy, "install it: sudo apt-get install pack");
	assert_int_equal(backend_find("backend", NULL, "pack", &path, &err), -ENOENT);

	free(take_ptr(&path));
	setenv("PATH", scratch, 1);
	assert_int_equal(backend_find("backend", NULL, "pack", &path, &err), 0);
	assert_string_equal(path, expected);
	unsetenv("PATH");
	assert_int_equal(backend_find("backend", NULL, "pack", &path, &err), -ENOENT);
	setenv("PATH", before, 1);
}

/* A backend gets only its descriptors and its environment. */
static void test_surroundings(void **state)
{
	struct backends backends = { 0 };
	int link;

	setenv("SECRET", "1", 1);
	assert_int_equal(dup2(STDERR_FILENO, PASSED), PASSED);
	start(&backends, "surroundings", &link);
	watch(&backends, "session");
	close(link);
	end(&backends);
	close(PASSED);
	assert_string_equal(said, "surroundings: stdin /dev/null\n"
				  "surroundings: env PATH=/usr/sbin:/usr/bin:/sbin:/bin\n"
				  "surroundings: env LC_ALL=C\n"
				  "surroundings: fd 5\n"
				  "surroundings: session 1\n");
}

/* A backend ends without a signal when QEMU's end is closed. */
static void test_ends_by_itself(void **state)
{
	struct backends backends = { 0 };
	int link;

	start(&backends, "serve", &link);
	watch(&backends, "serving");
	close(link);
	assert_true(end(&backends) < 900);
	assert_string_equal(said, "serve: serving\n");
	assert_string_equal(lost, "");
}

/* A backend that does not end gets SIGINT after one second, SIGKILL after two. */
static void test_signalled(void **state)
{
	struct backends backends = { 0 };
	long took;

	start(&backends, "pause", NULL);
	watch(&backends, "up");
	took = end(&backends);
	assert_true(took >= 900 && took < 1900);
	start(&backends, "stubborn", NULL);
	watch(&backends, "up");
	assert_true(end(&backends) >= 1900);
	assert_string_equal(lost, "");
}

/* Returns the only child. */
static pid_t child(void)
{
	cleanup_file FILE *file = fopen("/proc/thread-self/children", "re");
	int pid = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &pid), 1);
	return pid;
}

/* SIGTERM, which reaches whole process groups, is blocked; SIGKILL is reported. */
static void test_killed(void **state)
{
	struct backends backends = { 0 };

	start(&backends, "pause", NULL);
	watch(&backends, "up");
	assert_int_equal(kill(child(), SIGTERM), 0);
	assert_int_equal(kill(child(), SIGKILL), 0);
	assert_int_equal(loop_run(loop, &(struct error){ 0 }), 0);
	assert_string_equal(lost, "pause was killed by signal 9 (Killed)");
	lost[0] = '\0';
	end(&backends);
	assert_string_equal(lost, "");
}

/* Output and end of a backend are reported if it failed before the loop ran. */
static void test_failed(void **state)
{
	struct backends backends = { 0 };

	start(&backends, "fail", NULL);
	watch(&backends, NULL);
	end(&backends);
	assert_string_equal(said, "fail: cannot lock\\x1b[2J it\n");
	assert_string_equal(lost, "fail has ended with status 7");
}

static void test_lost_with_time(void **state)
{
	struct backends backends = { 0 };

	start(&backends, "fail", NULL);
	watch(&backends, "never said");
	assert_string_equal(lost, "fail has ended with status 7");
	end(&backends);
}

static void test_flood(void **state)
{
	struct backends backends = { 0 };

	start(&backends, "flood", NULL);
	watch(&backends, "not shown");
	end(&backends);
	assert_non_null(strstr(said, "flood: line 99\n"));
	assert_null(strstr(said, "line 100\n"));
	assert_non_null(strstr(said, "flood: more output is not shown\n"));
	assert_null(strstr(strstr(said, "more output") + 1, "more output"));
}

static void test_not_runnable(void **state)
{
	struct backends backends = { 0 };
	struct argv argv = { 0 };
	struct backend_config config = { "none", &argv, NULL, 0, NULL };
	struct error err = { 0 };

	argv_add(&argv, "/nonexistent/none", NULL);
	assert_int_equal(backend_start(&backends, &config, &err), -ENOENT);
	assert_string_equal(err.message,
			    "cannot run '/nonexistent/none': No such file or directory");
	assert_int_equal(backends.count, 0);
	argv_done(&argv);
}

/* A backend ends when its parent is killed, though its connection is open. */
static void test_death_signal(void **state)
{
	struct backends backends = { 0 };
	struct pollfd ready = { .events = POLLIN };
	pid_t middle;
	int ends[2];
	char byte;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	middle = fork();
	if (middle == 0) {
		struct argv argv = { 0 };
		struct process_fd fd = { ends[1], LINK };
		struct backend_config config = { "serve", &argv, &fd, 1, NULL };

		argv_add(&argv, SELF, "serve", NULL);
		if (backend_start(&backends, &config, &(struct error){ 0 }) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	close(ends[1]);
	/* Gives the backend time to start and read. */
	assert_int_equal(write(ends[0], "x", 1), 1);
	usleep(300000);
	assert_int_equal(kill(middle, SIGKILL), 0);
	assert_int_equal(waitpid(middle, NULL, 0), middle);
	ready.fd = ends[0];
	assert_int_equal(poll(&ready, 1, 10000), 1);
	assert_true(read(ends[0], &byte, 1) <= 0);
	close(ends[0]);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_find, scratch_setup, scratch_teardown),
		cmocka_unit_test(test_surroundings),
		cmocka_unit_test(test_ends_by_itself),
		cmocka_unit_test(test_signalled),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_failed),
		cmocka_unit_test(test_lost_with_time),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_not_runnable),
		cmocka_unit_test(test_death_signal),
	};

	if (argc > 1)
		return be(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
