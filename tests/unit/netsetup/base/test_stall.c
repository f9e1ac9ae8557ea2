// SPDX-License-Identifier: GPL-2.0-or-later
// Tests that a peer's descriptor that takes long to close delays nothing.
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/clock.h"
#include "netsetup/base/stall.h"
#include "netsetup/protocol/protocol.h"
#include "tests/unit/support/namespace.h"

/* Descriptors of one record: dropped by the kernel, each after a wait of its own. */
#define FDS 4

/* Opens a TCP socket that nobody reads from, and that lingers for 1000 s at its last close(). */
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

/* Sends a record with several such descriptors, whose only copies are those in flight. */
static void send_lingering(int socket, int peers[FDS])
{
	union {
		char space[CMSG_SPACE(sizeof(int) * FDS)];
		struct cmsghdr align;
	} control = { 0 };
	struct clean_record clean;
	struct iovec part = { &clean, sizeof(clean) };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control.space,
				  .msg_controllen = sizeof(control.space) };
	int fds[FDS];

	protocol_record_init(&clean, RECORD_CLEAN);
	for (size_t i = 0; i < FDS; i++)
		fds[i] = lingering(&peers[i]);
	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(&control.align), fds, sizeof(fds));
	assert_int_equal(sendmsg(socket, &message, 0), sizeof(clean));
	for (size_t i = 0; i < FDS; i++)
		close(fds[i]);
}

static bool alarm_blocked(void)
{
	sigset_t set;

	assert_int_equal(sigprocmask(SIG_BLOCK, NULL, &set), 0);
	return sigismember(&set, SIGALRM) == 1;
}

static void stalled(void)
{
	int peers[2 * FDS], sockets[2];
	union record record;
	struct error err = { 0 };
	uint64_t begin;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	send_lingering(sockets[0], peers);
	send_lingering(sockets[0], peers + FDS);
	begin = monotonic_ms();
	stall_begin();
	assert_int_equal(protocol_receive(sockets[1], &record, NULL, &err), -EPROTO);
	stall_end();
	assert_true(monotonic_ms() - begin < 20000);
	assert_true(alarm_blocked());

	/* The second record is not read. */
	close(sockets[0]);
	begin = monotonic_ms();
	stall_close(sockets[1]);
	assert_true(monotonic_ms() - begin < 20000);
	assert_true(alarm_blocked());
	for (size_t i = 0; i < ARRAY_SIZE(peers); i++)
		close(peers[i]);
}

static void test_stalled(void **state)
{
	/* Under valgrind no signal ends a close(2). */
	if (getenv("VMRUN_VALGRIND"))
		skip();
	namespace_test(stalled);
}

/* Nothing is left of the timer: a later wait is not disturbed. */
static void test_over(void **state)
{
	sigset_t pending;

	stall_begin();
	usleep(50000);
	stall_end();
	usleep(50000);
	assert_int_equal(sigpending(&pending), 0);
	assert_int_equal(sigismember(&pending, SIGALRM), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stalled),
		cmocka_unit_test(test_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
