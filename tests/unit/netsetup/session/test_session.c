// SPDX-License-Identifier: GPL-2.0-or-later
// Tests a whole conversation with netsetup, its ends and its errors.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/protocol/protocol.h"
#include "netsetup/session/session.h"
#include "tests/unit/support/namespace.h"

#define WAIT_MS 60000

static struct in_addr address(const char *text)
{
	struct in_addr parsed;

	assert_true(ipv4_parse(text, &parsed));
	return parsed;
}

static struct setup_record setup_at(const char *name, const char *text)
{
	struct setup_record setup;

	protocol_record_init(&setup, RECORD_SETUP);
	strcpy(setup.name, name);
	setup.address = address(text);
	setup.queues = 1;
	setup.probe = PROBE_NONE;
	return setup;
}

/* Runs the helper's side in a child; its exit status is 0 if session_run() succeeded. */
static pid_t start(int *socket, bool with_rights)
{
	int sockets[2];
	pid_t child;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	child = fork();
	if (child == 0) {
		struct error err = { 0 };

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(sockets[0]);
		if (!with_rights && namespace_drop_rights() < 0)
			_exit(99);
		_exit(session_run(sockets[1], NULL, &err) == 0 ? 0 : 1);
	}
	close(sockets[1]);
	*socket = sockets[0];
	return child;
}

/* Receives the next record except RECORD_CHANGE; returns the result of protocol_receive(). */
static int receive(int socket, union record *record, int fds[QUEUES_MAX])
{
	struct pollfd poller = { .fd = socket, .events = POLLIN };
	struct error err;
	int ret;

	do {
		assert_int_equal(poll(&poller, 1, WAIT_MS), 1);
		ret = protocol_receive(socket, record, fds, &err);
	} while (ret == 0 && record->header.type == RECORD_CHANGE);
	return ret;
}

static void send_setup(int socket, const struct setup_record *setup)
{
	struct error err;

	assert_int_equal(protocol_send(socket, setup, NULL, 0, &err), 0);
}

/* Requests an attachment and gets it; the caller closes the tap's descriptor. */
static pid_t make(int *socket, const struct setup_record *setup, int *tap)
{
	pid_t child = start(socket, true);
	int fds[QUEUES_MAX];
	union record record;

	send_setup(*socket, setup);
	assert_int_equal(receive(*socket, &record, fds), 0);
	if (record.header.type == RECORD_FAILED)
		fail_msg("%s", record.failed.message);
	assert_int_equal(record.header.type, RECORD_READY);
	assert_int_equal(record.ready.queues, 1);
	assert_true(fds[0] >= 0 && fds[1] < 0);
	*tap = fds[0];
	return child;
}

static void whole(void)
{
	struct setup_record setup = setup_at("web", "192.168.7.9");
	cleanup_free char *before = namespace_state();
	int fds[QUEUES_MAX];
	union record record;
	int socket, changes = 0;
	struct error err;
	pid_t child;

	setup.queues = 3;
	setup.verbose = 1;
	setup.gateway_mode = GATEWAY_HOST;
	child = start(&socket, true);
	send_setup(socket, &setup);
	for (;;) {
		assert_int_equal(protocol_receive(socket, &record, fds, &err), 0);
		if (record.header.type != RECORD_CHANGE)
			break;
		assert_true(fds[0] < 0);
		assert_true(!strncmp(record.change.text, "ip ", 3) ||
			    !strncmp(record.change.text, "sysctl -w net.ipv", 17) ||
			    !strncmp(record.change.text, "tc ", 3) ||
			    !strncmp(record.change.text, "# gratuitous ARP: ", 18));
		changes++;
	}
	assert_true(changes >= 8);
	assert_int_equal(record.header.type, RECORD_READY);
	assert_string_equal(record.ready.uplink, "e0");
	assert_string_equal(record.ready.tap, "vmr-web");
	assert_string_equal(record.ready.ssid, "");
	assert_int_equal(record.ready.address.s_addr, address("192.168.7.9").s_addr);
	assert_int_equal(record.ready.prefix_length, 24);
	assert_int_equal(record.ready.router.s_addr, address("192.168.7.1").s_addr);
	assert_int_equal(record.ready.gateway.s_addr, address("192.168.7.5").s_addr);
	assert_int_equal(record.ready.mtu, 1500);
	assert_int_equal(record.ready.queues, 3);
	assert_int_equal(record.ready.wireless, 0);
	for (size_t i = 0; i < QUEUES_MAX; i++)
		assert_int_equal(fds[i] >= 0, i < 3);
	assert_int_equal(namespace_run("ip neigh show proxy | grep -q '^192.168.7.9 dev e0' && "
				       "ip route show proto 118 | grep -q '^192.168.7.9'"),
			 0);
	/* End-of-file undoes all while we hold the tap, and the changes are still reported. */
	assert_int_equal(shutdown(socket, SHUT_WR), 0);
	changes = 0;
	while (protocol_receive(socket, &record, NULL, &err) == 0 &&
	       record.header.type == RECORD_CHANGE)
		changes++;
	assert_true(changes >= 3);
	assert_int_equal(namespace_wait(child), 0);
	assert_true(namespace_unchanged(before));
	close(socket);
	for (size_t i = 0; i < 3; i++)
		close(fds[i]);
}

static void test_whole(void **state)
{
	namespace_test(whole);
}

/* The launcher is killed at each moment of the conversation, which closes all at once. */
static void launcher_killed(void)
{
	struct setup_record setup = setup_at("web", "192.168.7.9");
	cleanup_free char *before = namespace_state();
	int socket, tap;
	pid_t child;

	child = make(&socket, &setup, &tap);
	close(tap);
	close(socket);
	assert_int_equal(namespace_wait(child), 0);
	assert_true(namespace_unchanged(before));

	/* Before it has read the answer: the descriptors in flight hold the tap. */
	setup.verbose = 1;
	child = start(&socket, true);
	send_setup(socket, &setup);
	while (if_nametoindex("vmr-web") == 0)
		assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
	close(socket);
	assert_true(namespace_wait(child) <= 1);
	assert_true(namespace_unchanged(before));

	/* After the request, before the answer. */
	child = start(&socket, true);
	send_setup(socket, &setup);
	close(socket);
	assert_true(namespace_wait(child) <= 1);
	assert_true(namespace_unchanged(before));
	child = start(&socket, true);
	close(socket);
	assert_true(namespace_wait(child) <= 1);
	assert_true(namespace_unchanged(before));
}

static void test_launcher_killed(void **state)
{
	namespace_test(launcher_killed);
}

/* The first record is refused: the helper reports that, ends and changes nothing. */
static void refuse(const void *data, size_t size, int fd, int code, const char *message,
		   const char *before)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec part = { (void *)data, size };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
	int fds[QUEUES_MAX];
	union record record;
	int socket;
	pid_t child = start(&socket, true);

	if (fd >= 0) {
		header.msg_control = control.space;
		header.msg_controllen = sizeof(control.space);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
	}
	assert_int_equal(sendmsg(socket, &header, 0), size);
	assert_int_equal(receive(socket, &record, fds), 0);
	assert_int_equal(record.header.type, RECORD_FAILED);
	if (!strstr(record.failed.message, message))
		fail_msg("'%s' is not '%s'", record.failed.message, message);
	assert_int_equal(record.failed.code, code);
	assert_true(fds[0] < 0);
	assert_int_equal(receive(socket, &record, fds), -ECONNRESET);
	assert_int_equal(namespace_wait(child), 1);
	assert_true(namespace_unchanged(before));
	close(socket);
}

static void garbage(void)
{
	const struct setup_record good = setup_at("web", "192.168.7.9");
	cleanup_free char *before = namespace_state();
	char bytes[sizeof(union record) + 100];
	struct setup_record setup;
	union record record;

	memset(bytes, 0x41, sizeof(bytes));
	refuse(bytes, 1, -1, EPROTO, "shorter than its header", before);
	refuse(bytes, 500, -1, EPROTO, "wrong magic", before);
	refuse(bytes, sizeof(bytes), -1, EPROTO, "larger than any record", before);
	refuse(&good, sizeof(good) - 1, -1, EPROTO, "wrong size", before);
	setup = good;
	setup.header.version++;
	refuse(&setup, sizeof(setup), -1, EPROTO, "wrong version", before);
	setup = good;
	setup.header.type = 99;
	refuse(&setup, sizeof(setup), -1, EPROTO, "unknown type", before);
	setup = good;
	memset(setup.name, 'a', sizeof(setup.name));
	refuse(&setup, sizeof(setup), -1, EPROTO, "unterminated text", before);
	setup = good;
	strcpy(setup.name, "../../x");
	refuse(&setup, sizeof(setup), -1, EINVAL, "invalid field 'name'", before);
	setup = good;
	strcpy(setup.uplink, "../e0");
	refuse(&setup, sizeof(setup), -1, EINVAL, "invalid field 'uplink'", before);
	setup = good;
	setup.queues = 0;
	refuse(&setup, sizeof(setup), -1, EINVAL, "invalid field 'queues'", before);
	protocol_record_init(&record, RECORD_READY);
	refuse(&record, sizeof(record.ready), -1, EPROTO, "not a request", before);
	protocol_record_init(&record, RECORD_FAILED);
	refuse(&record, sizeof(record.failed), -1, EPROTO, "not a request", before);
	protocol_record_init(&record, RECORD_CHANGE);
	refuse(&record, sizeof(record.change), -1, EPROTO, "not a request", before);
	protocol_record_init(&record, RECORD_DHCP);
	refuse(&record, sizeof(record.dhcp), -1, EPROTO, "not a request", before);
	/* Surplus descriptors, and missing ones. */
	refuse(&good, sizeof(good), STDERR_FILENO, EPROTO, "unexpected or missing descriptors",
	       before);
	setup = good;
	setup.header.type = RECORD_ADOPT;
	setup.remembered[0] = address("192.168.7.9");
	refuse(&setup, sizeof(setup), -1, EPROTO, "unexpected or missing descriptors", before);
	refuse(&setup, sizeof(setup), STDERR_FILENO, EINVAL, "not one of tap 'vmr-web'", before);
}

static void test_garbage(void **state)
{
	namespace_test(garbage);
}

/* A request that the host makes impossible: the status is reported, and nothing is left of it. */
static void refused(void)
{
	struct setup_record setup = setup_at("web", "10.0.0.1");
	cleanup_free char *before = namespace_state();
	union record record;
	int socket;
	pid_t child = start(&socket, true);

	send_setup(socket, &setup);
	assert_int_equal(receive(socket, &record, NULL), 0);
	assert_int_equal(record.header.type, RECORD_FAILED);
	assert_int_equal(record.failed.code, EADDRNOTAVAIL);
	assert_int_equal(record.failed.status, STATUS_NETWORK);
	assert_non_null(strstr(record.failed.remedy, "address: auto"));
	/* The host is as before from the moment of this report. */
	assert_true(namespace_unchanged(before));
	assert_int_equal(namespace_wait(child), 1);
	close(socket);
}

static void test_refused(void **state)
{
	namespace_test(refused);
}

static void without_rights(void)
{
	struct setup_record setup = setup_at("web", "192.168.7.9");
	cleanup_free char *before = namespace_state();
	union record record;
	int socket;
	pid_t child = start(&socket, false);

	send_setup(socket, &setup);
	assert_int_equal(receive(socket, &record, NULL), 0);
	assert_int_equal(record.header.type, RECORD_FAILED);
	assert_int_equal(record.failed.code, EPERM);
	assert_int_equal(record.failed.status, STATUS_PERMISSION);
	assert_int_equal(namespace_wait(child), 1);
	assert_true(namespace_unchanged(before));
	close(socket);

	/* A dry run needs no rights. */
	setup.dry_run = 1;
	child = start(&socket, false);
	send_setup(socket, &setup);
	assert_int_equal(receive(socket, &record, NULL), 0);
	assert_int_equal(record.header.type, RECORD_READY);
	assert_int_equal(record.ready.queues, 0);
	assert_int_equal(namespace_wait(child), 0);
	assert_true(namespace_unchanged(before));
	close(socket);
}

static void test_without_rights(void **state)
{
	namespace_test(without_rights);
}

/* After RECORD_READY the launcher may send DHCP, if it requested that, and nothing else. */
static void unexpected(void)
{
	static const enum record_type types[] = { RECORD_SETUP, RECORD_ADOPT, RECORD_CHANGE,
						  RECORD_READY, RECORD_MOVED, RECORD_FAILED,
						  RECORD_DHCP };
	struct setup_record setup = setup_at("web", "192.168.7.9");
	cleanup_free char *before = namespace_state();
	int socket, tap;

	for (size_t i = 0; i <= ARRAY_SIZE(types); i++) {
		union record record = { 0 };
		struct error err;
		pid_t child = make(&socket, &setup, &tap);

		if (i == ARRAY_SIZE(types)) {
			assert_int_equal(send(socket, "x", 1, 0), 1);
		} else {
			protocol_record_init(&record, types[i]);
			assert_int_equal(protocol_send(socket, &record, NULL, 0, &err), 0);
		}
		assert_int_equal(receive(socket, &record, NULL), 0);
		assert_int_equal(record.header.type, RECORD_FAILED);
		assert_int_equal(record.failed.code, EPROTO);
		assert_true(namespace_unchanged(before));
		assert_int_equal(namespace_wait(child), 1);
		close(socket);
		close(tap);
	}
}

/* The launcher may not send the guest a packet that is no DHCP. */
static void no_dhcp(void)
{
	struct setup_record setup = setup_at("web", "192.168.7.9");
	cleanup_free char *before = namespace_state();
	union record record = { 0 };
	struct error err;
	int socket, tap;
	pid_t child;

	setup.dhcp = 1;
	child = make(&socket, &setup, &tap);
	protocol_record_init(&record, RECORD_DHCP);
	record.dhcp.size = 300;
	assert_int_equal(protocol_send(socket, &record, NULL, 0, &err), 0);
	assert_int_equal(receive(socket, &record, NULL), 0);
	assert_int_equal(record.header.type, RECORD_FAILED);
	assert_true(namespace_unchanged(before));
	assert_int_equal(namespace_wait(child), 1);
	close(socket);
	close(tap);
}

static void test_no_dhcp(void **state)
{
	namespace_test(no_dhcp);
}

static void test_unexpected(void **state)
{
	namespace_test(unexpected);
}

/* The second VM of a name gets an error that names the first one, which stays. */
static void twice(void)
{
	struct setup_record setup = setup_at("web", "192.168.7.9");
	cleanup_free char *before = namespace_state();
	cleanup_free char *made = NULL;
	char expected[128];
	union record record;
	int first, second, tap;
	pid_t children[2];

	children[0] = make(&first, &setup, &tap);
	made = namespace_state();
	children[1] = start(&second, true);
	send_setup(second, &setup);
	assert_int_equal(receive(second, &record, NULL), 0);
	assert_int_equal(record.header.type, RECORD_FAILED);
	assert_int_equal(record.failed.code, EEXIST);
	snprintf(expected, sizeof(expected), "VM 'web' is already running: pid %d, 192.168.7.9",
		 (int)getpid());
	assert_string_equal(record.failed.message, expected);
	assert_int_equal(namespace_wait(children[1]), 1);
	assert_true(namespace_unchanged(made));
	close(second);
	close(first);
	close(tap);
	assert_int_equal(namespace_wait(children[0]), 0);
	assert_true(namespace_unchanged(before));
}

static void test_twice(void **state)
{
	namespace_test(twice);
}

/* The helper is killed: a second one gets the tap, and the VM keeps its address. */
static void adopted(void)
{
	struct setup_record setup = setup_at("web", "192.168.7.9");
	cleanup_free char *before = namespace_state();
	cleanup_free char *made = NULL;
	union record record;
	int socket, tap;
	struct error err;
	pid_t child;

	child = make(&socket, &setup, &tap);
	made = namespace_state();
	namespace_kill(child);
	close(socket);
	assert_true(namespace_unchanged(made));
	child = start(&socket, true);
	setup.header.type = RECORD_ADOPT;
	setup.remembered[0] = address("192.168.7.9");
	assert_int_equal(protocol_send(socket, &setup, &tap, 1, &err), 0);
	assert_int_equal(receive(socket, &record, NULL), 0);
	if (record.header.type == RECORD_FAILED)
		fail_msg("%s", record.failed.message);
	assert_int_equal(record.header.type, RECORD_READY);
	assert_int_equal(record.ready.queues, 0);
	assert_int_equal(record.ready.address.s_addr, address("192.168.7.9").s_addr);
	assert_true(namespace_unchanged(made));
	close(socket);
	assert_int_equal(namespace_wait(child), 0);
	assert_true(namespace_unchanged(before));
	close(tap);
}

static void test_adopted(void **state)
{
	namespace_test(adopted);
}

/* A launcher that never reads does not block the helper, for any number of reports. */
static void not_reading(void)
{
	struct setup_record setup = setup_at("web", "192.168.7.9");
	cleanup_free char *before = namespace_state();
	const int small = 1;
	int socket;
	pid_t child;

	setup.verbose = 1;
	child = start(&socket, true);
	assert_int_equal(setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	send_setup(socket, &setup);
	while (namespace_run("ip neigh show proxy | grep -q 192.168.7.9") != 0)
		assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
	assert_int_equal(shutdown(socket, SHUT_WR), 0);
	assert_int_equal(namespace_wait(child), 0);
	assert_true(namespace_unchanged(before));
	close(socket);
}

static void test_not_reading(void **state)
{
	namespace_test(not_reading);
}

/* Opens a TCP socket that nobody reads from, and that lingers at its last close(). */
static int lingering(int *peer)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	const struct linger linger = { 1, 1000 };
	static const char octets[65536];
	socklen_t size = sizeof(here);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&here, sizeof(here)), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&here, &size), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&here, sizeof(here)), 0);
	*peer = accept(listener, NULL, NULL);
	assert_true(*peer >= 0);
	close(listener);
	while (send(fd, octets, sizeof(octets), MSG_DONTWAIT) > 0)
		continue;
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	return fd;
}

/*
 * Sends a record with @count copies of this descriptor, and closes that and the socket before the
 * child gets it: the last close() is the one that waits.
 */
static void send_and_leave(pid_t child, int socket, const void *record, int fd, size_t count)
{
	const struct record_header *header = record;
	union {
		char space[CMSG_SPACE(sizeof(int) * 16)];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec part = { (void *)record, header->size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	message.msg_control = control.space;
	message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof(int) * count);
	for (size_t i = 0; i < count; i++)
		memcpy(CMSG_DATA(&control.align) + i * sizeof(int), &fd, sizeof(fd));
	assert_int_equal(kill(child, SIGSTOP), 0);
	assert_int_equal(waitpid(child, NULL, WUNTRACED), child);
	assert_int_equal(sendmsg(socket, &message, 0), header->size);
	close(fd);
	close(socket);
	assert_int_equal(kill(child, SIGCONT), 0);
}

/* Returns the child's exit status, within @seconds. */
static int wait_within(pid_t child, int seconds)
{
	const struct timespec moment = { .tv_nsec = 10000000 };
	siginfo_t ended = { 0 };

	for (int i = 0; i < seconds * 100 && ended.si_pid == 0; i++) {
		assert_int_equal(waitid(P_PID, (id_t)child, &ended, WEXITED | WNOHANG | WNOWAIT),
				 0);
		nanosleep(&moment, NULL);
	}
	if (ended.si_pid != child)
		namespace_kill(child);
	assert_int_equal(ended.si_pid, child);
	return namespace_wait(child);
}

/* A descriptor that takes long to close delays neither the answer nor the undoing. */
static void slow_to_close(void)
{
	struct setup_record setup = setup_at("web", "192.168.7.9");
	cleanup_free char *before = namespace_state();
	/* Received and closed; dropped by the kernel, because there is no room. */
	static const size_t counts[] = { 1, QUEUES_MAX + 1 };
	union record record = { 0 };
	int socket, peer, fd, tap;
	pid_t child;

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		setup.header.type = RECORD_SETUP;
		child = make(&socket, &setup, &tap);
		close(tap);
		/* After the fork, because the child must not have it. */
		fd = lingering(&peer);
		protocol_record_init(&record, RECORD_DHCP);
		send_and_leave(child, socket, &record, fd, counts[i]);
		assert_int_equal(wait_within(child, 20), 1);
		close(peer);
		assert_true(namespace_unchanged(before));

		/* With a request that has no descriptors, and with one that has. */
		for (int type = 0; type < 2; type++) {
			setup.header.type = type ? RECORD_ADOPT : RECORD_SETUP;
			setup.remembered[0] = address("192.168.7.9");
			child = start(&socket, true);
			fd = lingering(&peer);
			send_and_leave(child, socket, &setup, fd, counts[i]);
			assert_int_equal(wait_within(child, 20), 1);
			close(peer);
			assert_true(namespace_unchanged(before));
		}
	}
}

static void test_slow_to_close(void **state)
{
	/* Under valgrind no signal ends a close(2). */
	if (getenv("VMRUN_VALGRIND"))
		skip();
	namespace_test(slow_to_close);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),          cmocka_unit_test(test_launcher_killed),
		cmocka_unit_test(test_garbage),        cmocka_unit_test(test_refused),
		cmocka_unit_test(test_without_rights), cmocka_unit_test(test_unexpected),
		cmocka_unit_test(test_no_dhcp),        cmocka_unit_test(test_twice),
		cmocka_unit_test(test_adopted),        cmocka_unit_test(test_not_reading),
		cmocka_unit_test(test_slow_to_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
