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
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/protocol/connection.h"
#include "netsetup/protocol/netsetup.h"
#include "tests/unit/support/namespace.h"
#include "tests/unit/support/scratch.h"

/*
 * netsetup_open() finds the helper beside the program. So this program copies itself to a scratch
 * directory under both names and continues there. Under the helper's name it acts as a helper, with
 * the role in the file "role". A service is a child of the test that listens.
 */
#define HELPER      "vmrun-netsetup"
#define PROGRAM     "test_netsetup"
#define ENTER       "VMRUN_TEST_NETSETUP_ENTERED"
#define HELPER_EXIT 42

/* The helper. @peer is the socket on which it, or a service, plays its role. */

static int peer = PROTOCOL_FD;

static void helper_send(const void *record, const int *fds, size_t count)
{
	struct error err;

	if (protocol_send(peer, record, fds, count, &err) < 0)
		_exit(90);
}

static void helper_change(const char *text, size_t fd_count)
{
	struct change_record change;
	int fds[FDS_MAX] = { 0 };

	protocol_record_init(&change, RECORD_CHANGE);
	strcpy(change.text, text);
	helper_send(&change, fds, fd_count);
}

/* Sends an attachment with numbers of descriptors in the record, and a number of descriptors. */
static void helper_ready(unsigned int queues, unsigned int dhcp, unsigned int sent)
{
	struct ready_record ready;
	int fds[FDS_MAX] = { 0 };

	protocol_record_init(&ready, RECORD_READY);
	strcpy(ready.tap, "vmr-web");
	ready.queues = queues;
	ready.dhcp = dhcp;
	helper_send(&ready, fds, sent);
}

static void helper_header(enum record_type type, size_t fd_count)
{
	struct record_header header;
	int fds[FDS_MAX] = { 0 };

	protocol_record_init(&header, type);
	helper_send(&header, fds, fd_count);
}

static void helper_fail_with(const char *message, int code, int status, int fd)
{
	struct failed_record failed;

	protocol_record_init(&failed, RECORD_FAILED);
	failed.code = code;
	failed.status = status;
	snprintf(failed.message, sizeof(failed.message), "%s", message);
	strcpy(failed.remedy, "do this");
	helper_send(&failed, &fd, fd >= 0);
}

static void helper_fail(const char *message, int code, int status)
{
	helper_fail_with(message, code, status, -1);
}

static void helper_wait_end(void)
{
	union record record;
	struct error err;

	while (protocol_receive(peer, &record, NULL, &err) == 0)
		;
}

static void connect_to_service(const char *path, int *fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	*fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	strcpy(address.sun_path, path);
	if (connect(*fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		_exit(94);
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
	shutdown(peer, SHUT_RDWR);
	usleep(100000);
}

static void play(const char *role, int argc, char **argv)
{
	int queues = 0, dhcp = 0, sent = 0;

	if (!strcmp(role, "report")) {
		helper_report(argc, argv);
	} else if (!strcmp(role, "undo")) {
		helper_change("one", 0);
		helper_change("two", 0);
		helper_ready(2, 1, 3);
		helper_wait_end();
		helper_change("three", 0);
		helper_header(RECORD_DONE, 0);
		linger();
	} else if (sscanf(role, "ready %d %d %d", &queues, &dhcp, &sent) == 3) {
		helper_ready((unsigned int)queues, (unsigned int)dhcp, (unsigned int)sent);
		helper_wait_end();
	} else if (!strcmp(role, "change with descriptors")) {
		helper_change("one", 3);
		helper_ready(1, 0, 1);
		helper_wait_end();
	} else if (!strcmp(role, "fail")) {
		helper_fail("it is so", EADDRINUSE, STATUS_NETWORK);
		helper_wait_end();
	} else if (!strcmp(role, "fail badly")) {
		helper_fail("it is so", -5, 77);
	} else if (!strcmp(role, "another has the lock")) {
		helper_fail("another serves", EAGAIN, STATUS_FAILURE);
	} else if (!strcmp(role, "refer")) {
		int fd;

		connect_to_service("/run/other.sock", &fd);
		helper_fail_with("another serves", EAGAIN, STATUS_FAILURE, fd);
	} else if (!strcmp(role, "other namespace")) {
		helper_fail("of another network namespace", EXDEV, STATUS_PERMISSION);
	} else if (!strcmp(role, "clean")) {
		helper_change("one", 0);
		helper_header(RECORD_DONE, 0);
		helper_wait_end();
	} else if (!strcmp(role, "attach")) {
		struct attach_record attach;

		protocol_record_init(&attach, RECORD_ATTACH);
		helper_send(&attach, NULL, 0);
		helper_wait_end();
	} else if (!strcmp(role, "garbage")) {
		if (send(peer, "garbage", 7, 0) == 7)
			helper_wait_end();
	} else if (!strcmp(role, "version")) {
		struct record_header header = { PROTOCOL_MAGIC, PROTOCOL_VERSION + 1, RECORD_FAILED,
						sizeof(header) };

		helper_send(&header, NULL, 0);
	} else if (!strcmp(role, "talk")) {
		union record record;

		helper_ready(0, 0, 0);
		helper_change("one", 0);
		helper_ready(0, 0, 0);
		helper_fail("it is so", EADDRINUSE, STATUS_NETWORK);
		protocol_record_init(&record, RECORD_CONFLICT);
		record.conflict.address.s_addr = 7;
		helper_send(&record, NULL, 0);
		helper_header(RECORD_RENEWED, 1);
		helper_header(RECORD_RENEWED, 0);
		helper_ready(1, 0, 1);
		helper_header(RECORD_DONE, 0);
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

/* A service: for each connection a process with a role. */

static pid_t service;

static void serve_one(int fd, const char *role)
{
	union record record;
	struct error err;

	peer = fd;
	if (protocol_receive(peer, &record, NULL, &err) == 0)
		play(role, 1, (char *[]){ (char *)"service" });
	_exit(0);
}

/* Listens at @path until stop_service(); each connection plays the next of the roles. */
static void start_service(const char *path, const char *const *roles)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 8), 0);
	service = fork();
	if (service == 0) {
		signal(SIGCHLD, SIG_IGN);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (; *roles; roles++) {
			int connection = accept(fd, NULL, NULL);

			if (fork() == 0) {
				close(fd);
				serve_one(connection, *roles);
			}
			close(connection);
		}
		close(fd);
		pause();
	}
	close(fd);
}

static void stop_service(const char *path)
{
	namespace_kill(service);
	service = 0;
	unlink(path);
}

/* The path of the socket of a service of this network namespace only. */
static const char *own_path(void)
{
	static char path[NETNS_DIR_SIZE + 32];
	struct error err;

	mkdir(NETNS_RUN_DIR, 0755);
	assert_int_equal(netns_dir(path, &err), 0);
	mkdir(path, 0755);
	return strcat(path, "/" PROTOCOL_SOCKET_NAME);
}

/* The tests. */

struct received {
	char changes[64];
	char tap[IFNAMSIZ];
	struct error error;
	in_addr_t contested;
	unsigned int renewed;
	int dhcp;
};

static void on_change(const char *command, void *context)
{
	struct received *result = context;

	strcat(result->changes, command);
	strcat(result->changes, " ");
}

static void on_ready(const struct ready_record *ready, void *context)
{
	struct received *result = context;

	memcpy(result->tap, ready->tap, sizeof(result->tap));
}

static void on_failed(const struct error *error, void *context)
{
	struct received *result = context;

	result->error = *error;
}

static void on_conflict(const struct conflict_record *conflict, void *context)
{
	struct received *result = context;

	result->contested = conflict->address.s_addr;
}

static void on_renewed(int dhcp, void *context)
{
	struct received *result = context;

	result->renewed++;
	result->dhcp = dhcp;
}

static struct received received;

static const struct netsetup_listener listener = { .change = on_change,
						   .ready = on_ready,
						   .failed = on_failed,
						   .conflict = on_conflict,
						   .renewed = on_renewed,
						   .context = &received };

static const struct netsetup_listener no_listener = { 0 };

/* Connects to the service, or starts a helper with a role. */
static struct netsetup start(const char *role)
{
	struct netsetup netsetup = NETSETUP_NONE;
	struct error err = { 0 };

	memset(&received, 0, sizeof(received));
	scratch_text("role", role);
	if (netsetup_open(&netsetup, true, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(fcntl(netsetup.socket, F_GETFD), FD_CLOEXEC);
	return netsetup;
}

static struct attach_record make_request(void)
{
	struct attach_record attach;

	protocol_record_init(&attach, RECORD_ATTACH);
	strcpy(attach.name, "web");
	attach.queues = 1;
	attach.mac = (struct ether_addr){ { 0x52 } };
	return attach;
}

static int attach(struct netsetup *netsetup, const struct netsetup_listener *listening,
		  struct netsetup_lan *lan, struct error *err)
{
	const struct attach_record request = make_request();
	int ret;

	*lan = (struct netsetup_lan)NETSETUP_LAN_NONE;
	ret = netsetup_ask(netsetup, &request, err);
	return ret < 0 ? ret : netsetup_await(netsetup, &request, listening, lan, err);
}

/* All descriptors are closed, and the child is reaped: the launcher may live for long. */
static void assert_over(const struct netsetup *netsetup, unsigned int before)
{
	assert_int_equal(netsetup->socket, -1);
	assert_int_equal(netsetup->pid, 0);
	assert_int_equal(namespace_count_fds(), before);
	if (service)
		return;
	/* After its last record it may still live, see connection_release(). */
	while (!netsetup->owes && waitpid(-1, NULL, 0) > 0)
		;
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
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
	assert_int_equal(fcntl(lan.dhcp, F_GETFD), FD_CLOEXEC);
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

static void test_managed(void **state)
{
	assert_true(
		connection_is_managed("0::/user.slice/user-1000.slice/user@1000.service/app.slice/"
				      "web.service\n"));
	assert_true(connection_is_managed("1:cpu:/\n0::/system.slice/web.service\n"));
	assert_false(connection_is_managed("0::/user.slice/user-1000.slice/user@1000.service/"
					   "app.slice/app-terminal.scope\n"));
	assert_false(connection_is_managed("0::/user.slice/user-1000.slice/session-2.scope\n"));
	assert_false(connection_is_managed("1:name=systemd:/system.slice/web.service\n0::/\n"));
	assert_false(connection_is_managed(""));
}

/* netsetup_end() receives an answer that was not awaited, and the records after it. */
static void test_ended_before_answer(void **state)
{
	unsigned int before = namespace_count_fds();
	struct netsetup netsetup = start("undo");
	const struct attach_record request = make_request();
	struct error err = { 0 };

	assert_int_equal(netsetup_ask(&netsetup, &request, &err), 0);
	assert_true(netsetup_end(&netsetup, &listener));
	assert_string_equal(received.changes, "one two three ");
	assert_over(&netsetup, before);

	/* The answer does not count as the report that all is undone. */
	netsetup = start("ready 1 0 1");
	assert_int_equal(netsetup_ask(&netsetup, &request, &err), 0);
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
			struct netsetup netsetup = NETSETUP_NONE;
			struct error err = { 0 };
			struct netsetup_lan lan;

			/* Close all from @first on, but stderr. */
			for (int fd = first; fd < 64; fd++)
				if (fd != STDERR_FILENO)
					close(fd);
			scratch_text("role", "report");
			if (netsetup_open(&netsetup, true, &err) < 0)
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
	static const char *const roles[] = { "ready 2 0 1", "ready 1 0 2", "ready 9 0 9",
					     "ready 0 0 1", "ready 1 1 1", "ready 1 2 3",
					     "attach",      "garbage",     "ready -1 0 0",
					     "clean" };
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

	assert_true(netsetup_end(&netsetup, &no_listener));
	assert_over(&netsetup, before);

	netsetup = (struct netsetup)NETSETUP_NONE;
	assert_true(netsetup_end(&netsetup, &no_listener));
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
	assert_string_equal(received.tap, "vmr-web");
	assert_int_equal(netsetup_listen(&netsetup, &listener, &err), 0);
	assert_int_equal(received.error.code, EADDRINUSE);
	assert_string_equal(received.error.message, "it is so");
	assert_int_equal(netsetup_listen(&netsetup, &listener, &err), 0);
	assert_int_equal(received.contested, 7);
	assert_int_equal(netsetup_listen(&netsetup, &listener, &err), 0);
	assert_int_equal(fcntl(received.dhcp, F_GETFD), FD_CLOEXEC);
	close(received.dhcp);
	assert_int_equal(netsetup_listen(&netsetup, &listener, &err), 0);
	assert_int_equal(received.dhcp, -1);
	assert_int_equal(received.renewed, 2);
	/* A move brings no descriptor. */
	assert_int_equal(netsetup_listen(&netsetup, &listener, &err), -EPROTO);
	assert_true(netsetup.owes);
	assert_int_equal(netsetup_listen(&netsetup, &listener, &err), -ECONNRESET);
	assert_true(netsetup_end(&netsetup, &no_listener));
	assert_over(&netsetup, before);
}

/* Without functions for them, the records and their descriptors are dropped. */
static void test_listen_deaf(void **state)
{
	unsigned int before = namespace_count_fds();
	struct netsetup netsetup = start("talk");
	struct error err = { 0 };
	struct netsetup_lan lan;

	assert_int_equal(attach(&netsetup, &no_listener, &lan, &err), 0);
	for (int i = 0; i < 6; i++)
		assert_int_equal(netsetup_listen(&netsetup, &no_listener, &err), 0);
	netsetup_end(&netsetup, &no_listener);
	assert_over(&netsetup, before);
}

static void test_clean(void **state)
{
	unsigned int before = namespace_count_fds();
	struct netsetup netsetup = start("clean");
	struct error err = { 0 };

	assert_int_equal(netsetup_clean(&netsetup, true, &listener, &err), 0);
	assert_string_equal(received.changes, "one ");
	assert_true(netsetup_end(&netsetup, &listener));
	assert_over(&netsetup, before);

	netsetup = start("fail");
	assert_int_equal(netsetup_clean(&netsetup, true, &listener, &err), -EADDRINUSE);
	netsetup_end(&netsetup, &listener);
	assert_over(&netsetup, before);
}

/* The service of this network namespace comes first, then the installed one. */
static void test_service(void **state)
{
	static const char *const both[] = { "ready 1 0 1", "undo", NULL };
	const char *const paths[] = { own_path(), PROTOCOL_SOCKET };
	unsigned int before = namespace_count_fds();

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct netsetup netsetup;
		struct error err = { 0 };
		struct netsetup_lan lan;

		start_service(paths[i], both);
		netsetup = start("fail");
		assert_int_equal(netsetup.pid, 0);
		assert_int_equal(attach(&netsetup, &no_listener, &lan, &err), 0);
		netsetup_lan_done(&lan);
		assert_false(netsetup_end(&netsetup, &listener));
		netsetup = start("fail");
		assert_int_equal(attach(&netsetup, &listener, &lan, &err), 0);
		netsetup_lan_done(&lan);
		assert_true(netsetup_end(&netsetup, &listener));
		assert_string_equal(received.changes, "one two three ");
		assert_over(&netsetup, before);
		/* Nobody listens: a child is started. */
		netsetup = start("fail");
		assert_true(netsetup.pid > 0);
		netsetup_end(&netsetup, &no_listener);
		stop_service(paths[i]);
	}
}

/* Another process serves: its connection comes with the referral, or is made. */
static void test_referral(void **state)
{
	static const char *const ready[] = { "ready 1 0 1", NULL };
	static const char *const refuse[] = { "other namespace", NULL };
	unsigned int before = namespace_count_fds();
	struct netsetup netsetup;
	struct error err = { 0 };
	struct netsetup_lan lan;

	start_service("/run/other.sock", ready);
	netsetup = start("refer");
	assert_int_equal(attach(&netsetup, &no_listener, &lan, &err), 0);
	netsetup_lan_done(&lan);
	netsetup_end(&netsetup, &no_listener);
	assert_over(&netsetup, before);
	stop_service("/run/other.sock");

	netsetup = start("another has the lock");
	start_service(own_path(), ready);
	assert_int_equal(attach(&netsetup, &no_listener, &lan, &err), 0);
	netsetup_lan_done(&lan);
	netsetup_end(&netsetup, &no_listener);
	assert_over(&netsetup, before);
	stop_service(own_path());

	/* The installed service does not serve this network namespace: a child does. */
	start_service(PROTOCOL_SOCKET, refuse);
	netsetup = start("ready 1 0 1");
	assert_int_equal(netsetup.pid, 0);
	assert_int_equal(attach(&netsetup, &no_listener, &lan, &err), 0);
	assert_true(netsetup.pid > 0);
	netsetup_lan_done(&lan);
	netsetup_end(&netsetup, &no_listener);
	assert_over(&netsetup, before);
	stop_service(PROTOCOL_SOCKET);

	/* It does not go on for ever. */
	netsetup = start("another has the lock");
	assert_int_equal(attach(&netsetup, &no_listener, &lan, &err), -EAGAIN);
	assert_string_equal(err.message, "another serves");
	netsetup_end(&netsetup, &no_listener);
	assert_over(&netsetup, before);
}

static void test_version(void **state)
{
	static const char *const roles[] = { "version", NULL };
	unsigned int before = namespace_count_fds();
	struct netsetup netsetup = start("version");
	struct error err = { 0 };
	struct netsetup_lan lan;

	assert_int_equal(attach(&netsetup, &no_listener, &lan, &err), -EPROTO);
	assert_string_equal(err.message, "'vmrun-netsetup' speaks version 7 of the protocol, and "
					 "this vmrun version 6");
	assert_string_equal(err.remedy, "install vmrun whole: cmake --install build");
	netsetup_end(&netsetup, &no_listener);
	start_service(PROTOCOL_SOCKET, roles);
	netsetup = start("");
	assert_int_equal(attach(&netsetup, &no_listener, &lan, &err), -EPROTO);
	assert_string_equal(err.remedy, "sudo systemctl restart vmrun-netsetup");
	netsetup_end(&netsetup, &no_listener);
	assert_over(&netsetup, before);
	stop_service(PROTOCOL_SOCKET);
}

/* A connection that was lost is made again, also if the service ends once more meanwhile. */
static void test_reconnect(void **state)
{
	static const char *const good[] = { "ready 1 1 2", "killed", "ready 0 1 1", NULL };
	static const char *const bad[] = { "ready 1 1 2", "fail", NULL };
	struct attach_record again = make_request();
	unsigned int before = namespace_count_fds();
	struct netsetup netsetup;
	struct error err = { 0 };
	struct netsetup_lan lan;

	again.tap_ifindex = 7;
	start_service(PROTOCOL_SOCKET, good);
	netsetup = start("fail");
	assert_int_equal(attach(&netsetup, &no_listener, &lan, &err), 0);
	netsetup_lan_done(&lan);
	assert_int_equal(netsetup_reconnect(&netsetup, &again, &no_listener, &lan, &err), 0);
	assert_true(netsetup.owes);
	assert_true(lan.dhcp >= 0);
	netsetup_lan_done(&lan);
	netsetup_end(&netsetup, &no_listener);
	assert_over(&netsetup, before);
	stop_service(PROTOCOL_SOCKET);

	/* A refusal keeps the connection. */
	start_service(PROTOCOL_SOCKET, bad);
	netsetup = start("fail");
	assert_int_equal(attach(&netsetup, &no_listener, &lan, &err), 0);
	netsetup_lan_done(&lan);
	assert_int_equal(netsetup_reconnect(&netsetup, &again, &no_listener, &lan, &err),
			 -EADDRINUSE);
	assert_true(netsetup.socket >= 0);
	netsetup_end(&netsetup, &no_listener);
	assert_over(&netsetup, before);
	stop_service(PROTOCOL_SOCKET);
}

/* A user without root's rights, in a child. */
static int user_opens(bool dry_run, struct error *err)
{
	struct netsetup netsetup = NETSETUP_NONE;
	int ret = netsetup_open(&netsetup, dry_run, err);

	netsetup_end(&netsetup, &no_listener);
	return ret;
}

static void test_user(void **state)
{
	static const char *const roles[] = { "fail", NULL };
	pid_t child;

	scratch_need(geteuid() == 0);
	start_service(PROTOCOL_SOCKET, roles);
	assert_int_equal(chmod(PROTOCOL_SOCKET, 0660), 0);
	assert_int_equal(chown(PROTOCOL_SOCKET, 0, 4), 0);
	child = fork();
	if (child == 0) {
		struct error err = { 0 };

		if (namespace_drop_rights() < 0 || user_opens(false, &err) != -EACCES)
			_exit(1);
		if (err.status != STATUS_PERMISSION ||
		    !strstr(err.remedy, "members of group 'adm'"))
			_exit(2);
		_exit(0);
	}
	assert_int_equal(namespace_wait(child), 0);
	stop_service(PROTOCOL_SOCKET);
	child = fork();
	if (child == 0) {
		struct error err = { 0 };

		if (namespace_drop_rights() < 0 || user_opens(false, &err) != -ENOENT)
			_exit(1);
		_exit(err.status == STATUS_PERMISSION && !err.remedy[0] ? 0 : 2);
	}
	assert_int_equal(namespace_wait(child), 0);
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
	struct netsetup netsetup = NETSETUP_NONE;
	struct error err = { 0 };
	struct netsetup_lan lan;

	put_helper(NULL, 0, 0);
	assert_int_equal(netsetup_open(&netsetup, true, &err), -ENOENT);
	assert_non_null(strstr(err.message, "cannot find '" HELPER "'"));
	assert_true(err.remedy[0] != '\0');
	restore_helper();

	/* The file exists but is not executable. */
	put_helper("x", 1, 0600);
	assert_int_equal(netsetup_open(&netsetup, true, &err), -EACCES);
	assert_int_equal(err.status, STATUS_PERMISSION);
	restore_helper();
	assert_int_equal(netsetup.socket, -1);
	assert_int_equal(namespace_count_fds(), before);

	/* The file is not a program. */
	put_helper("\x7f"
		   "ELF, but nothing more",
		   22, 0700);
	assert_int_equal(netsetup_open(&netsetup, true, &err), 0);
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
		/* No service of the machine is in the way. */
		if (geteuid() == 0 && !namespace_enter())
			_exit(1);
		mkdir(NETNS_RUN_DIR, 0755);
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
		cmocka_unit_test(test_managed),
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
		cmocka_unit_test(test_listen_deaf),
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_service),
		cmocka_unit_test(test_referral),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_reconnect),
		cmocka_unit_test(test_user),
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
