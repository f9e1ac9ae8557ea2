// SPDX-License-Identifier: GPL-2.0-or-later
// Runs the launcher's side of the protocol against correct and faulty helpers.
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/protocol/netsetup.h"
#include "tests/unit/support/namespace.h"
#include "tests/unit/support/scratch.h"

/*
 * netsetup_start() finds the helper beside the program. So this program copies itself to a scratch
 * directory under both names and continues there. Under the helper's name it acts as a helper, with
 * the role in the file "role".
 */
#define HELPER      "vmrun-netsetup"
#define PROGRAM     "test_netsetup"
#define ENTER       "VMRUN_TEST_NETSETUP_ENTERED"
#define HELPER_EXIT 42

/* The helper. */

static void helper_send(const void *record, const int *fds, size_t count)
{
	struct error err;

	if (protocol_send(PROTOCOL_FD, record, fds, count, &err) < 0)
		_exit(90);
}

static void helper_change(const char *text, size_t fd_count)
{
	struct change_record change;
	int fds[QUEUES_MAX] = { 0 };

	protocol_record_init(&change, RECORD_CHANGE);
	strcpy(change.text, text);
	helper_send(&change, fds, fd_count);
}

/* Sends an attachment with a number of queues in the record and a number of descriptors. */
static void helper_ready(unsigned int queues, unsigned int sent)
{
	struct ready_record ready;
	int fds[QUEUES_MAX] = { 0 };

	protocol_record_init(&ready, RECORD_READY);
	strcpy(ready.tap, "vmr-web");
	ready.queues = queues;
	helper_send(&ready, fds, sent);
}

/* Reports that all is undone. */
static void helper_done(void)
{
	struct ready_record ready;

	protocol_record_init(&ready, RECORD_READY);
	helper_send(&ready, NULL, 0);
}

static void helper_fail(const char *message, int code, int status)
{
	struct failed_record failed;

	protocol_record_init(&failed, RECORD_FAILED);
	failed.code = code;
	failed.status = status;
	snprintf(failed.message, sizeof(failed.message), "%s", message);
	strcpy(failed.remedy, "do this");
	helper_send(&failed, NULL, 0);
}

static void helper_wait_end(void)
{
	union record record;
	struct error err;

	while (protocol_receive(PROTOCOL_FD, &record, NULL, &err) == 0)
		;
}

/* Reports its descriptors, environment, session and arguments. */
static void helper_report(int argc, char **argv)
{
	char text[ERROR_MESSAGE_SIZE];
	size_t used = (size_t)snprintf(text, sizeof(text), "fds");

	for (int fd = 0; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			used += (size_t)snprintf(text + used, sizeof(text) - used, " %d", fd);
	snprintf(text + used, sizeof(text) - used, ", environment %s, session %s, %d word: %s",
		 environ && environ[0] ? environ[0] : "empty",
		 getsid(0) == getpid() ? "own" : "other", argc, argv[0]);
	helper_fail(text, EIO, STATUS_FAILURE);
}

/* Like the real helper, closes the socket before the exit. */
static void linger(void)
{
	shutdown(PROTOCOL_FD, SHUT_RDWR);
	usleep(100000);
}

static void play(const char *role, int argc, char **argv)
{
	int queues = 0, sent = 0;

	if (!strcmp(role, "report")) {
		helper_report(argc, argv);
	} else if (!strcmp(role, "undo")) {
		helper_change("one", 0);
		helper_change("two", 0);
		helper_ready(2, 2);
		helper_wait_end();
		helper_change("three", 0);
		helper_done();
		linger();
	} else if (sscanf(role, "ready %d %d", &queues, &sent) == 2) {
		helper_ready((unsigned int)queues, (unsigned int)sent);
		helper_wait_end();
	} else if (!strcmp(role, "change with descriptors")) {
		helper_change("one", 3);
		helper_ready(1, 1);
		helper_wait_end();
	} else if (!strcmp(role, "fail")) {
		helper_fail("it is so", EADDRINUSE, STATUS_NETWORK);
	} else if (!strcmp(role, "fail badly")) {
		helper_fail("it is so", -5, 77);
	} else if (!strcmp(role, "setup")) {
		struct setup_record setup;

		protocol_record_init(&setup, RECORD_SETUP);
		helper_send(&setup, NULL, 0);
		helper_wait_end();
	} else if (!strcmp(role, "garbage")) {
		if (send(PROTOCOL_FD, "garbage", 7, 0) == 7)
			helper_wait_end();
	} else if (!strcmp(role, "talk")) {
		union record record;

		helper_ready(0, 0);
		helper_change("one", 0);
		protocol_record_init(&record, RECORD_MOVED);
		strcpy(record.ready.uplink, "wlan1");
		helper_send(&record, NULL, 0);
		protocol_record_init(&record, RECORD_DHCP);
		record.dhcp.size = 7;
		helper_send(&record, NULL, 0);
		helper_fail("it is so", EADDRINUSE, STATUS_NETWORK);
		helper_ready(0, 0);
	} else if (!strcmp(role, "killed")) {
		raise(SIGKILL);
	}
	exit(HELPER_EXIT);
}

static int helper(int argc, char **argv)
{
	char path[PATH_MAX], role[64] = "";
	union record record;
	struct error err;
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 8);
	FILE *file;

	if (length < 0)
		return 91;
	path[length] = '\0';
	strcpy(strrchr(path, '/') + 1, "role");
	file = fopen(path, "re");
	if (!file || !fgets(role, sizeof(role), file))
		return 92;
	fclose(file);
	if (!strcmp(role, "exit"))
		return HELPER_EXIT;
	if (!strcmp(role, "idle")) {
		helper_wait_end();
		linger();
		return HELPER_EXIT;
	}
	/* Any request. */
	if (protocol_receive(PROTOCOL_FD, &record, NULL, &err) < 0)
		return 93;
	play(role, argc, argv);
	return 0;
}

/* The tests. */

struct received {
	char changes[64];
	char moved[IFNAMSIZ];
	unsigned int dhcp;
};

static void on_change(const char *command, void *context)
{
	struct received *result = context;

	strcat(result->changes, command);
	strcat(result->changes, " ");
}

static void on_moved(const struct ready_record *ready, void *context)
{
	struct received *result = context;

	memcpy(result->moved, ready->uplink, sizeof(result->moved));
}

static void on_dhcp(const struct dhcp_record *query, void *context)
{
	struct received *result = context;

	result->dhcp = query->size;
}

static struct received received;

static const struct netsetup_listener listener = {
	.change = on_change, .moved = on_moved, .dhcp = on_dhcp, .context = &received
};

static const struct netsetup_listener no_listener = { 0 };

/* Starts a helper with a role. */
static struct netsetup start(const char *role)
{
	struct netsetup netsetup = { .socket = -1 };
	struct error err = { 0 };

	memset(&received, 0, sizeof(received));
	scratch_text("role", role);
	if (netsetup_start(&netsetup, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(fcntl(netsetup.socket, F_GETFD), FD_CLOEXEC);
	return netsetup;
}

static int attach(struct netsetup *netsetup, const struct netsetup_listener *listening,
		  struct netsetup_lan *lan, struct error *err)
{
	struct setup_record setup;
	int ret;

	protocol_record_init(&setup, RECORD_SETUP);
	strcpy(setup.name, "web");
	setup.queues = 1;
	memset(lan, 0, sizeof(*lan));
	memset(lan->tap_fds, -1, sizeof(lan->tap_fds));
	ret = netsetup_ask(netsetup, &setup, err);
	return ret < 0 ? ret : netsetup_await(netsetup, listening, lan, err);
}

/*
 * All descriptors are closed, and the child is reaped: the launcher may live for long, and a
 * service manager that finds a helper after the launcher's end cannot kill it.
 */
static void assert_over(const struct netsetup *netsetup, unsigned int before)
{
	assert_int_equal(netsetup->socket, -1);
	assert_int_equal(namespace_count_fds(), before);
	assert_int_equal(waitpid(netsetup->pid, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_whole(void **state)
{
	unsigned int before = namespace_count_fds();
	struct netsetup netsetup = start("undo");
	struct error err = { 0 };
	struct netsetup_lan lan;

	assert_int_equal(attach(&netsetup, &listener, &lan, &err), 0);
	assert_string_equal(received.changes, "one two ");
	assert_string_equal(lan.ready.tap, "vmr-web");
	for (size_t i = 0; i < QUEUES_MAX; i++) {
		assert_int_equal(lan.tap_fds[i] >= 0, i < 2);
		if (i < 2)
			assert_int_equal(fcntl(lan.tap_fds[i], F_GETFD), FD_CLOEXEC);
	}
	netsetup_lan_done(&lan);
	netsetup_lan_done(&lan);
	assert_int_equal(lan.tap_fds[0], -1);
	netsetup_end(&netsetup, &listener);
	assert_string_equal(received.changes, "one two three ");
	netsetup_end(&netsetup, &listener);
	assert_over(&netsetup, before);

	netsetup = start("undo");
	assert_int_equal(attach(&netsetup, &no_listener, &lan, &err), 0);
	netsetup_lan_done(&lan);
	netsetup_end(&netsetup, &no_listener);
	assert_over(&netsetup, before);
}

/* netsetup_end() receives an answer that was not awaited, and the records after it. */
static void test_ended_before_answer(void **state)
{
	unsigned int before = namespace_count_fds();
	struct netsetup netsetup = start("undo");
	struct setup_record setup;
	struct error err = { 0 };

	protocol_record_init(&setup, RECORD_SETUP);
	assert_int_equal(netsetup_ask(&netsetup, &setup, &err), 0);
	assert_true(netsetup_end(&netsetup, &listener));
	assert_string_equal(received.changes, "one two three ");
	assert_over(&netsetup, before);

	/* The answer does not count as the report that all is undone. */
	netsetup = start("ready 1 1");
	assert_int_equal(netsetup_ask(&netsetup, &setup, &err), 0);
	assert_false(netsetup_end(&netsetup, &listener));
	assert_over(&netsetup, before);
}

/* The helper inherits three standard descriptors and the socket, and nothing else. */
static void test_inherits_nothing(void **state)
{
	int more = open("/dev/null", O_RDONLY), far = fcntl(more, F_DUPFD, 500);
	struct netsetup netsetup = start("report");
	struct error err = { 0 };
	struct netsetup_lan lan;

	assert_true(far >= 500);
	assert_int_equal(attach(&netsetup, &no_listener, &lan, &err), -EIO);
	assert_string_equal(err.message, "fds 0 1 2 3, environment empty, session own, 1 word: "
					 "vmrun-netsetup");
	netsetup_end(&netsetup, &no_listener);
	close(more);
	close(far);
}

/* The launcher's socket may already be PROTOCOL_FD or a standard descriptor. */
static void test_low_descriptors(void **state)
{
	for (int first = 0; first <= PROTOCOL_FD + 1; first++) {
		pid_t child = fork();

		if (child == 0) {
			struct netsetup netsetup;
			struct error err = { 0 };
			struct netsetup_lan lan;

			/* Close all from @first on, but stderr. */
			for (int fd = first; fd < 64; fd++)
				if (fd != STDERR_FILENO)
					close(fd);
			scratch_text("role", "report");
			if (netsetup_start(&netsetup, &err) < 0)
				_exit(1);
			if (attach(&netsetup, &no_listener, &lan, &err) != -EIO)
				_exit(2);
			_exit(strncmp(err.message, "fds 0 1 2 3,", 12) == 0 ? 0 : 3);
		}
		assert_int_equal(namespace_wait(child), 0);
	}
}

static void test_failed(void **state)
{
	unsigned int before = namespace_count_fds();
	struct netsetup netsetup = start("fail");
	struct error err = { 0 };
	struct netsetup_lan lan;

	assert_int_equal(attach(&netsetup, &no_listener, &lan, &err), -EADDRINUSE);
	assert_int_equal(err.code, EADDRINUSE);
	assert_int_equal(err.status, STATUS_NETWORK);
	assert_string_equal(err.message, "it is so");
	assert_string_equal(err.remedy, "do this");
	netsetup_end(&netsetup, &no_listener);
	assert_over(&netsetup, before);

	/* Invalid values of errno and exit status. */
	netsetup = start("fail badly");
	assert_int_equal(attach(&netsetup, &no_listener, &lan, &err), -EIO);
	assert_int_equal(err.status, STATUS_FAILURE);
	netsetup_end(&netsetup, &no_listener);
	assert_over(&netsetup, before);
}

/* Records that break the protocol are errors and lose no descriptor. */
static void test_malformed(void **state)
{
	static const char *const roles[] = { "ready 2 1", "ready 1 2", "ready 9 8", "ready 0 1",
					     "setup",     "garbage",   "ready -1 0" };
	unsigned int before = namespace_count_fds();

	for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
		struct netsetup netsetup = start(roles[i]);
		struct error err = { 0 };
		struct netsetup_lan lan;

		assert_int_equal(attach(&netsetup, &no_listener, &lan, &err), -EPROTO);
		for (size_t fd = 0; fd < QUEUES_MAX; fd++)
			assert_int_equal(lan.tap_fds[fd], -1);
		netsetup_end(&netsetup, &no_listener);
		assert_over(&netsetup, before);
	}
}

static void test_change_with_descriptors(void **state)
{
	unsigned int before = namespace_count_fds();
	struct netsetup netsetup = start("change with descriptors");
	struct error err = { 0 };
	struct netsetup_lan lan;

	assert_int_equal(attach(&netsetup, &listener, &lan, &err), 0);
	assert_string_equal(received.changes, "one ");
	assert_int_equal(namespace_count_fds(), before + 2);
	netsetup_lan_done(&lan);
	netsetup_end(&netsetup, &no_listener);
	assert_over(&netsetup, before);
}

/* Helpers that exit or are killed, before or after the request. */
static void test_ended_early(void **state)
{
	static const char *const roles[] = { "exit", "nothing", "killed" };
	unsigned int before = namespace_count_fds();

	for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
		struct netsetup netsetup = start(roles[i]);
		struct error err = { 0 };
		struct netsetup_lan lan;

		assert_int_equal(attach(&netsetup, &no_listener, &lan, &err), -ECONNRESET);
		assert_string_equal(err.message, "'vmrun-netsetup' ended before it answered");
		netsetup_end(&netsetup, &no_listener);
		assert_over(&netsetup, before);
	}
}

static void test_not_asked(void **state)
{
	unsigned int before = namespace_count_fds();
	struct netsetup netsetup = start("idle");

	netsetup_end(&netsetup, &no_listener);
	assert_over(&netsetup, before);

	netsetup = (struct netsetup){ .socket = -1 };
	netsetup_end(&netsetup, &no_listener);
	netsetup_reap(&netsetup);
}

static void test_listen(void **state)
{
	unsigned int before = namespace_count_fds();
	struct netsetup netsetup = start("talk");
	struct error err = { 0 };
	struct netsetup_lan lan;

	assert_int_equal(attach(&netsetup, &listener, &lan, &err), 0);
	assert_int_equal(netsetup_listen(&netsetup, &listener, &err), 0);
	assert_string_equal(received.changes, "one ");
	assert_int_equal(netsetup_listen(&netsetup, &listener, &err), 0);
	assert_string_equal(received.moved, "wlan1");
	assert_int_equal(netsetup_listen(&netsetup, &listener, &err), 0);
	assert_int_equal(received.dhcp, 7);
	assert_int_equal(netsetup_listen(&netsetup, &listener, &err), -EADDRINUSE);
	assert_int_equal(netsetup_listen(&netsetup, &listener, &err), -EPROTO);
	assert_int_equal(netsetup_listen(&netsetup, &listener, &err), -ECONNRESET);
	netsetup_reap(&netsetup);
	assert_over(&netsetup, before);
}

/* The launcher still owns the tap's descriptors. */
static void test_adopt(void **state)
{
	unsigned int before = namespace_count_fds();
	struct setup_record setup;
	struct netsetup netsetup;
	struct error err = { 0 };
	struct netsetup_lan lan;

	protocol_record_init(&setup, RECORD_SETUP);
	memset(&lan, 0, sizeof(lan));
	memset(lan.tap_fds, -1, sizeof(lan.tap_fds));
	lan.tap_fds[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
	netsetup = start("adopted");
	/* This helper refuses descriptors with the request and ends. */
	assert_true(netsetup_adopt(&netsetup, &setup, &no_listener, &lan, &err) < 0);
	assert_true(fcntl(lan.tap_fds[0], F_GETFD) >= 0);
	netsetup_reap(&netsetup);
	waitpid(netsetup.pid, NULL, 0);
	netsetup_lan_done(&lan);
	assert_int_equal(namespace_count_fds(), before);
}

static void put_helper(const void *data, size_t size, mode_t mode)
{
	assert_int_equal(rename(scratch_path(HELPER), scratch_path("saved")), 0);
	if (!data)
		return;
	scratch_write(HELPER, data, size);
	assert_int_equal(chmod(scratch_path(HELPER), mode), 0);
}

static void restore_helper(void)
{
	assert_int_equal(rename(scratch_path("saved"), scratch_path(HELPER)), 0);
}

static void test_cannot_start(void **state)
{
	unsigned int before = namespace_count_fds();
	struct netsetup netsetup = { .socket = -1 };
	struct error err = { 0 };
	struct netsetup_lan lan;

	put_helper(NULL, 0, 0);
	assert_int_equal(netsetup_start(&netsetup, &err), -ENOENT);
	assert_non_null(strstr(err.message, "cannot find '" HELPER "'"));
	assert_true(err.remedy[0] != '\0');
	restore_helper();

	/* The file exists but is not executable. */
	put_helper("x", 1, 0600);
	assert_int_equal(netsetup_start(&netsetup, &err), -EACCES);
	assert_int_equal(err.status, STATUS_PERMISSION);
	restore_helper();
	assert_int_equal(netsetup.socket, -1);
	assert_int_equal(namespace_count_fds(), before);

	/* The file is not a program. */
	put_helper("\x7f"
		   "ELF, but nothing more",
		   22, 0700);
	assert_int_equal(netsetup_start(&netsetup, &err), 0);
	assert_int_equal(attach(&netsetup, &no_listener, &lan, &err), -ENOEXEC);
	assert_string_equal(err.message, "cannot run 'vmrun-netsetup': Exec format error");
	netsetup_end(&netsetup, &no_listener);
	assert_over(&netsetup, before);
	restore_helper();
}

/* Copies this program to a scratch directory under both names, and runs it there. */
static int enter(char **argv)
{
	char command[2 * PATH_MAX + 64];
	int status;
	pid_t child;

	if (scratch_setup(NULL) < 0)
		return 1;
	snprintf(command, sizeof(command),
		 "cp /proc/%d/exe '%s/" PROGRAM "' && cd '%s' && "
		 "ln " PROGRAM " " HELPER,
		 (int)getpid(), scratch, scratch);
	if (namespace_run(command) != 0)
		return 1;
	child = fork();
	if (child == 0) {
		setenv(ENTER, scratch, 1);
		execv(scratch_path(PROGRAM), argv);
		_exit(127);
	}
	status = namespace_wait(child);
	scratch_teardown(NULL);
	return status;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_ended_before_answer),
		cmocka_unit_test(test_inherits_nothing),
		cmocka_unit_test(test_low_descriptors),
		cmocka_unit_test(test_failed),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_change_with_descriptors),
		cmocka_unit_test(test_ended_early),
		cmocka_unit_test(test_not_asked),
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_adopt),
		cmocka_unit_test(test_cannot_start),
	};
	const char *entered = getenv(ENTER);

	if (!strcmp(argv[0], HELPER))
		return helper(argc, argv);
	if (!entered)
		return enter(argv);
	snprintf(scratch, sizeof(scratch), "%s", entered);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
