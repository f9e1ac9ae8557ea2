// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the keeper with a fake service manager and with the supervisor.
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/keeper/child.h"
#include "netsetup/keeper/fd_store.h"
#include "netsetup/keeper/keeper.h"
#include "netsetup/keeper/supervisor.h"
#include "tests/unit/support/namespace.h"
#include "tests/unit/support/scratch.h"

#define FDS_MAX 8

static struct error err;
static struct fd_store store;

/* For children, which cannot use cmocka's assertions. */
#define CHECK(condition)                                                   \
	do {                                                               \
		if (!(condition)) {                                        \
			fprintf(stderr, "%d: " #condition "\n", __LINE__); \
			_exit(STATUS_FAILURE);                             \
		}                                                          \
	} while (0)

/* The keeper and the descriptors of a test's service. */
static struct keeper keeper;
static struct kept_fd kept[FDS_MAX];
static size_t kept_count;

static int kept_fd(const char *name)
{
	for (size_t i = 0; i < kept_count; i++)
		if (!strcmp(kept[i].name, name))
			return kept[i].fd;
	return -1;
}

/* The services that the supervisor starts. The test's end of "first" sees what they send. */

static void serve_and_die(void)
{
	const int first = kept_fd("first"), stored = kept_fd("vm-1");

	CHECK((first >= 0) != (stored >= 0));
	CHECK(fcntl(first >= 0 ? first : stored, F_GETFD) == FD_CLOEXEC);
	CHECK(send(first >= 0 ? first : stored, "started", 7, 0) == 7);
	if (first >= 0)
		CHECK(keeper_store(&keeper, "vm-1", first, &err) == 0);
	kill(getpid(), SIGKILL);
}

/* Stands for the maker, which the supervisor starts. */
static void serve_maker(void)
{
	CHECK(kept_count == 0);
	CHECK(send(CHILD_FD, "made", 4, 0) == 4);
	_exit(STATUS_OK);
}

static void check_maker(void)
{
	char text[8] = "";

	CHECK(recv(kept_fd("maker"), text, sizeof(text) - 1, 0) == 4 && !strcmp(text, "made"));
	/* No other process has the maker's end, or a copy of this one. */
	CHECK(recv(kept_fd("maker"), text, 1, 0) == 0);
}

/* Dies by a status that is none of enum exit_status, and ends when run again. */
static void serve_once_more(void)
{
	const int first = kept_fd("first");

	check_maker();
	if (first < 0) {
		CHECK(kept_fd("vm-2") >= 0 && kept_fd("vm-1") < 0 && kept_count == 2);
		_exit(STATUS_OK);
	}
	/* The next service must not take this for its maker. */
	CHECK(keeper_store(&keeper, "maker", first, &err) == 0);
	CHECK(keeper_store(&keeper, "vm-1", first, &err) == 0);
	CHECK(keeper_store(&keeper, "vm-2", first, &err) == 0);
	keeper_remove(&keeper, "vm-1");
	_exit(STATUS_NETWORK + 1);
}

/* Dies, and cannot start again until the test sends a message. */
static void serve_with_trouble(void)
{
	const int first = kept_fd("first"), stored = kept_fd("vm-1");
	char message;

	if (first >= 0) {
		CHECK(keeper_store(&keeper, "vm-1", first, &err) == 0);
		kill(getpid(), SIGKILL);
	}
	if (recv(stored, &message, 1, MSG_DONTWAIT) == 1)
		_exit(STATUS_OK);
	CHECK(send(stored, "failed", 6, 0) == 6);
	_exit(STATUS_FAILURE);
}

static void serve_until_signal(void)
{
	sigset_t signals;
	int signo;

	CHECK(sigprocmask(SIG_BLOCK, NULL, &signals) == 0 && sigisemptyset(&signals));
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	CHECK(getsid(0) == getpid());
	CHECK(send(kept_fd("first"), "started", 7, 0) == 7);
	CHECK(sigwait(&signals, &signo) == 0);
	_exit(signo == SIGTERM ? STATUS_DEFINITION : STATUS_PERMISSION);
}

static void serve_until_killed(void)
{
	CHECK(send(kept_fd("first"), "started", 7, 0) == 7);
	pause();
}

/* Goes on after its supervisor was killed. */
static void serve_alone(void)
{
	const int first = kept_fd("first");
	char answer;

	CHECK(send(first, "started", 7, 0) == 7);
	CHECK(recv(first, &answer, 1, 0) == 1);
	CHECK(keeper_store(&keeper, "vm-1", first, &err) == 0);
	keeper_remove(&keeper, "vm-1");
	CHECK(send(first, "alone", 5, 0) == 5);
	_exit(STATUS_OK);
}

static bool status_has(const char *line)
{
	char text[4096];
	cleanup_file FILE *file = fopen("/proc/self/status", "re");
	const size_t size = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	text[size] = '\0';
	return strstr(text, line);
}

static void check_limit(int resource, rlim_t value)
{
	struct rlimit limit;

	CHECK(getrlimit(resource, &limit) == 0 && limit.rlim_cur == value);
}

/* Has what the service needs, and nothing of what start_badly() has set. */
static void serve_checked(void)
{
	cleanup_file FILE *score = fopen("/proc/self/oom_score_adj", "re");
	cpu_set_t processors;
	char text[16] = "";

	/* CAP_NET_ADMIN is 12, CAP_NET_RAW 13. */
	CHECK(status_has("\nCapPrm:\t0000000000003000\n"));
	CHECK(status_has("\nCapEff:\t0000000000003000\n"));
	CHECK(status_has("\nCapBnd:\t0000000000003000\n"));
	CHECK(status_has("\nCapInh:\t0000000000000000\n"));
	CHECK(status_has("\nCapAmb:\t0000000000000000\n"));
	CHECK(status_has("\nNoNewPrivs:\t1\n"));
	CHECK(status_has("\nUid:\t0\t0\t0\t0\n") && status_has("\nGroups:\t \n"));
	CHECK(status_has("\nSigIgn:\t0000000000000000\n"));
	CHECK(status_has("\nUmask:\t0077\n"));
	CHECK(getpriority(PRIO_PROCESS, 0) == 0 && sched_getscheduler(0) == SCHED_OTHER);
	CHECK(sched_getaffinity(0, sizeof(processors), &processors) == 0);
	CHECK(CPU_COUNT(&processors) == sysconf(_SC_NPROCESSORS_ONLN));
	CHECK(prctl(PR_GET_TIMERSLACK) == 50000);
	CHECK(score && fgets(text, sizeof(text), score) && !strcmp(text, "0\n"));
	check_limit(RLIMIT_FSIZE, RLIM_INFINITY);
	check_limit(RLIMIT_CPU, RLIM_INFINITY);
	check_limit(RLIMIT_CORE, 0);
	CHECK(!getenv("NLDBG") && !getenv("LISTEN_FDS") && !getenv(KEEPER_VARIABLE));
	CHECK(!strcmp(getcwd(text, sizeof(text)), "/"));
	_exit(STATUS_OK);
}

/* An ordinary user's service has no keeper. */
static void serve_plain(void)
{
	CHECK(keeper.socket == -1 && kept_count == 1 && kept_fd("first") >= 0);
	CHECK(getuid() == 65534);
	_exit(STATUS_DEFINITION);
}

static const struct {
	const char *name;
	void (*serve)(void);
} services[] = {
	{ "die", serve_and_die },         { "once-more", serve_once_more },
	{ "signal", serve_until_signal }, { "killed", serve_until_killed },
	{ "alone", serve_alone },         { "checked", serve_checked },
	{ "plain", serve_plain },         { "trouble", serve_with_trouble },
	{ "--maker", serve_maker },
};

static int serve(const char *name)
{
	CHECK(keeper_open(&keeper, kept, FDS_MAX, &kept_count, &err) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(services); i++)
		if (!strcmp(services[i].name, name))
			services[i].serve();
	return STATUS_FAILURE;
}

static void nothing(void)
{
}

/* Starts a supervisor with a service of the table; *@peer is the test's end of its first client. */
static pid_t supervise(const char *name, void (*prepare)(void), int *peer)
{
	char *const argv[] = { (char *)"test_keeper", (char *)name, NULL };
	int sockets[2];
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int status;

		prepare();
		status = supervisor_run(sockets[1], argv, &err);
		/* The supervisor's own failure has a message. */
		if (err.message[0] && strstr(err.message, "died 6 times within 10 s: signal 9"))
			status = 66;
		_exit(status);
	}
	close(sockets[1]);
	*peer = sockets[0];
	return pid;
}

/* Receives one message of the service; returns false at end-of-file. */
static bool heard(int peer, const char *expected)
{
	char text[16] = "";
	const ssize_t size = recv(peer, text, sizeof(text) - 1, 0);

	if (size > 0)
		assert_string_equal(text, expected);
	return size > 0;
}

static void test_gives_up(void **state)
{
	int peer, starts = 0;
	const pid_t pid = supervise("die", nothing, &peer);

	while (heard(peer, "started"))
		starts++;
	assert_int_equal(starts, 6);
	assert_int_equal(namespace_wait(pid), geteuid() == 0 ? 66 : 128 + SIGKILL);
	close(peer);
}

static void test_once_more(void **state)
{
	int peer;
	const pid_t pid = supervise("once-more", nothing, &peer);

	assert_int_equal(namespace_wait(pid), STATUS_OK);
	close(peer);
}

/* An error of a later start may pass; the number of tries is bounded. */
static void test_later_start_fails(void **state)
{
	for (int passes = 0; passes <= 1; passes++) {
		int peer, failures = 0;
		const pid_t pid = supervise("trouble", nothing, &peer);

		while (heard(peer, "failed"))
			if (++failures == 2 && passes)
				assert_int_equal(send(peer, "x", 1, MSG_NOSIGNAL), 1);
		assert_int_equal(failures, passes ? 2 : 5);
		assert_int_equal(namespace_wait(pid), passes ? STATUS_OK : STATUS_FAILURE);
		close(peer);
	}
}

static void check_signal(const char *name, int signo, int status)
{
	int peer;
	const pid_t pid = supervise(name, nothing, &peer);

	assert_true(heard(peer, "started"));
	assert_int_equal(kill(pid, signo), 0);
	assert_int_equal(namespace_wait(pid), status);
	close(peer);
}

static void test_signals(void **state)
{
	check_signal("signal", SIGTERM, STATUS_DEFINITION);
	check_signal("signal", SIGINT, STATUS_PERMISSION);
	check_signal("killed", SIGTERM, STATUS_SIGNAL + SIGTERM);
}

static void test_supervisor_killed(void **state)
{
	int peer;
	const pid_t pid = supervise("alone", nothing, &peer);

	assert_true(heard(peer, "started"));
	namespace_kill(pid);
	assert_int_equal(send(peer, "x", 1, 0), 1);
	assert_true(heard(peer, "alone"));
	assert_false(heard(peer, ""));
	close(peer);
}

/* Sets what the kernel lets this machine's root set back. */
static void start_badly(void)
{
	const struct sched_param normal = { .sched_priority = 0 };
	const bool nice = prctl(PR_CAPBSET_READ, CAP_SYS_NICE) == 1;
	const bool resource = prctl(PR_CAPBSET_READ, CAP_SYS_RESOURCE) == 1;
	const struct rlimit small = { 1 << 20, resource ? 1 << 20 : RLIM_INFINITY };
	int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	cpu_set_t one;

	CHECK(setgroups(1, &(gid_t){ 7 }) == 0);
	CHECK(!nice || setpriority(PRIO_PROCESS, 0, 15) == 0);
	CHECK(!nice || sched_setscheduler(0, SCHED_IDLE, &normal) == 0);
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	CHECK(sched_setaffinity(0, sizeof(one), &one) == 0);
	CHECK(write(score, "900", 3) == 3);
	CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0 && setrlimit(RLIMIT_CPU, &small) == 0);
	CHECK(prctl(PR_SET_TIMERSLACK, 1000000000, 0, 0, 0) == 0);
	CHECK(chdir("/tmp") == 0);
	setenv("NLDBG", "9", 1);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	umask(0);
	close(STDIN_FILENO);
}

static void test_inherited(void **state)
{
	int peer;
	pid_t pid;

	scratch_need(geteuid() == 0);
	pid = supervise("checked", start_badly, &peer);
	assert_int_equal(namespace_wait(pid), STATUS_OK);
	close(peer);
}

static void become_user(void)
{
	CHECK(namespace_drop_rights() == 0);
}

static void test_ordinary_user(void **state)
{
	int peer;
	pid_t pid;

	scratch_need(geteuid() == 0);
	pid = supervise("plain", become_user, &peer);
	assert_int_equal(namespace_wait(pid), STATUS_DEFINITION);
	close(peer);
}

/* Receives a message of the service manager's; *@fd is the descriptor with it, or -1. */
static void receive(int manager, char text[128], int *fd)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec data = { text, 127 };
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	const ssize_t size = recvmsg(manager, &message, MSG_DONTWAIT);

	assert_true(size > 0);
	text[size] = '\0';
	*fd = -1;
	if (CMSG_FIRSTHDR(&message))
		memcpy(fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(*fd));
}

static void check_manager(const char *name, const struct sockaddr_un *address, size_t size)
{
	cleanup_fd int manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	cleanup_fd int stored = -1;
	struct stat null, same;
	char text[128];
	int fd;

	assert_int_equal(bind(manager, (const struct sockaddr *)address, (socklen_t)size), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("LISTEN_PID", "1", 1);
	setenv("LISTEN_FDS", "1", 1);
	assert_int_equal(keeper_open(&keeper, kept, FDS_MAX, &kept_count, &err), 0);
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_null(getenv("LISTEN_FDS"));
	/* Another process's descriptors. */
	assert_int_equal(kept_count, 0);

	keeper_ready(&keeper);
	receive(manager, text, &fd);
	assert_string_equal(text, "READY=1");
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_int_equal(fstat(fd, &null), 0);
	assert_int_equal(keeper_store(&keeper, "vm-7", fd, &err), 0);
	close(fd);
	receive(manager, text, &stored);
	assert_string_equal(text, "FDSTORE=1\nFDNAME=vm-7\nFDPOLL=0");
	assert_int_equal(fstat(stored, &same), 0);
	assert_true(same.st_ino == null.st_ino && same.st_dev == null.st_dev);
	keeper_remove(&keeper, "vm-7");
	receive(manager, text, &fd);
	assert_string_equal(text, "FDSTOREREMOVE=1\nFDNAME=vm-7");
	assert_int_equal(fd, -1);
	close(keeper.socket);
}

static void test_manager(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char name[sizeof(address.sun_path)];

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", scratch_path("notify"));
	check_manager(scratch_path("notify"), &address, sizeof(address));

	memset(&address.sun_path, 0, sizeof(address.sun_path));
	snprintf(name, sizeof(name), "@vmrun-test-keeper-%d", getpid());
	memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
	check_manager(name, &address, offsetof(struct sockaddr_un, sun_path) + strlen(name));
}

static void test_no_keeper(void **state)
{
	assert_int_equal(keeper_open(&keeper, kept, FDS_MAX, &kept_count, &err), 0);
	assert_int_equal(kept_count, 0);
	keeper_ready(&keeper);
	assert_int_equal(keeper_store(&keeper, "vm-1", 0, &err), 0);
	keeper_remove(&keeper, "vm-1");
}

/* In a child, because the descriptors from 3 on may be in use. */
static void receive_badly(void)
{
	char pid[16];

	close_range(3, ~0U, 0);
	for (int fd = 3; fd < 9; fd++)
		CHECK(dup2(STDERR_FILENO, fd) == fd);
	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "6", 1);
	setenv("LISTEN_FDNAMES", "listen::has space:0123456789012345678901234567890", 1);
	CHECK(keeper_open(&keeper, kept, 5, &kept_count, &err) == 0);
	CHECK(kept_count == 5 && kept[0].fd == 3 && kept[4].fd == 7);
	CHECK(!strcmp(kept[0].name, "listen") && !kept[1].name[0] && !kept[2].name[0]);
	CHECK(strlen(kept[3].name) == KEEPER_NAME_SIZE - 1 && !kept[4].name[0]);
	CHECK(fcntl(7, F_GETFD) == FD_CLOEXEC && fcntl(8, F_GETFD) < 0);

	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	setenv("LISTEN_FDNAMES", "01234567890123456789012345678901", 1);
	CHECK(keeper_open(&keeper, kept, 5, &kept_count, &err) == 0);
	CHECK(kept_count == 1 && !kept[0].name[0]);
	_exit(STATUS_OK);
}

static void test_receive(void **state)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		receive_badly();
	assert_int_equal(namespace_wait(pid), STATUS_OK);
}

static void test_bad_variables(void **state)
{
	static const char *const bad[][2] = {
		{ "LISTEN_PID", "x" },           { "LISTEN_PID", "-1" },
		{ "LISTEN_FDS", "99999" },       { "LISTEN_FDS", "" },
		{ "NOTIFY_SOCKET", "vsock:2" },  { "NOTIFY_SOCKET", "/" },
		{ "NOTIFY_SOCKET", "/none/x" },  { KEEPER_VARIABLE, "3x" },
		{ KEEPER_VARIABLE, "99999999" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		setenv(bad[i][0], bad[i][1], 1);
		assert_true(keeper_open(&keeper, kept, FDS_MAX, &kept_count, &err) < 0);
		assert_null(getenv(bad[i][0]));
	}
}

/* Sends a message of the service with @fd_count descriptors. */
static void send_message(int socket, const char *text, size_t fd_count)
{
	const int fds[2] = { STDERR_FILENO, STDERR_FILENO };
	struct iovec data = { (void *)text, strlen(text) };
	union {
		struct cmsghdr header;
		char buffer[CMSG_SPACE(sizeof(fds))];
	} control = { 0 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1 };

	if (fd_count > 0) {
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, fd_count * sizeof(int));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
	}
	assert_true(sendmsg(socket, &message, 0) >= 0);
}

static void test_store_hostile(void **state)
{
	unsigned int before;
	char longest[512];
	int sockets[2];

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	memcpy(longest, "FDSTORE=1\nFDNAME=a\n", 19);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, sockets), 0);
	before = namespace_count_fds();
	send_message(sockets[0], "FDSTORE=1\nFDNAME=a", 0);
	send_message(sockets[0], "FDSTORE=1\nFDNAME=a", 2);
	send_message(sockets[0], "FDSTORE=1", 1);
	send_message(sockets[0], "FDSTORE=1\nFDNAME=", 1);
	send_message(sockets[0], "FDSTORE=1\nFDNAME=a:b", 1);
	send_message(sockets[0], "FDSTORE=1\nFDNAME=0123456789012345678901234567890123456789", 1);
	send_message(sockets[0], longest, 1);
	send_message(sockets[0], "", 1);
	send_message(sockets[0], "FDSTOREREMOVE=1", 1);
	fd_store_receive(&store, sockets[1]);
	assert_int_equal(store.count, 0);
	assert_int_equal(namespace_count_fds(), before);

	for (size_t i = 0; i < 4; i++)
		send_message(sockets[0], i % 2 ? "FDNAME=b\nFDSTORE=1" : "FDSTORE=1\nFDNAME=c", 1);
	fd_store_receive(&store, sockets[1]);
	assert_int_equal(store.count, 4);
	assert_int_equal(fcntl(store.fds[3].fd, F_GETFD), FD_CLOEXEC);
	send_message(sockets[0], "FDSTOREREMOVE=1\nFDNAME=c", 0);
	fd_store_receive(&store, sockets[1]);
	assert_int_equal(store.count, 2);
	assert_string_equal(store.fds[1].name, "b");
	fd_store_remove(&store, "b");
	assert_int_equal(namespace_count_fds(), before);
	close(sockets[0]);
	close(sockets[1]);
}

static void test_store_full(void **state)
{
	const unsigned int before = namespace_count_fds();
	const int fd = dup(STDERR_FILENO);

	store.count = KEEPER_FDS_MAX;
	fd_store_add(&store, "a", fd);
	assert_int_equal(namespace_count_fds(), before);
	store.count = 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_manager, scratch_setup, scratch_teardown),
		cmocka_unit_test(test_no_keeper),
		cmocka_unit_test(test_receive),
		cmocka_unit_test(test_bad_variables),
		cmocka_unit_test(test_store_hostile),
		cmocka_unit_test(test_store_full),
		cmocka_unit_test(test_gives_up),
		cmocka_unit_test(test_once_more),
		cmocka_unit_test(test_later_start_fails),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_supervisor_killed),
		cmocka_unit_test(test_inherited),
		cmocka_unit_test(test_ordinary_user),
	};

	if (argc > 1)
		return serve(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
