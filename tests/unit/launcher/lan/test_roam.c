// SPDX-License-Identifier: GPL-2.0-or-later
// Changes a host's network, and receives the requests of a VM that follows it.
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "launcher/lan/roam.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/clock.h"
#include "tests/unit/support/namespace.h"

#define LIMIT_MS 3000
#define QUIET_MS 150

static struct network network;
static struct netsetup netsetup;
static struct roam roam;
static struct loop *loop;
static int service;
static int ticker;
static unsigned int reports;

static void on_changed(const struct lan_place *old, void *context)
{
	reports++;
}

/* Lets the loop run until the service has a record, at most for @limit ms; false without one. */
static bool run_until_record(int limit)
{
	const struct itimerspec when = { .it_value = { .tv_nsec = 5000000 } };
	const uint64_t deadline = monotonic_ms() + (uint64_t)limit;
	struct pollfd poller = { .fd = service, .events = POLLIN };
	struct error err;

	while (poll(&poller, 1, 0) == 0 && monotonic_ms() < deadline) {
		timerfd_settime(ticker, 0, &when, NULL);
		assert_int_equal(loop_run(loop, &err), 0);
	}
	return poll(&poller, 1, 0) == 1;
}

static void on_tick(int fd, uint32_t events, void *context)
{
	uint64_t count;

	assert_int_equal(read(fd, &count, sizeof(count)), sizeof(count));
	loop_stop(loop);
}

static union record expect(enum record_type type)
{
	union record record;
	struct error err;

	assert_true(run_until_record(LIMIT_MS));
	assert_int_equal(protocol_receive(service, &record, NULL, &err), 0);
	assert_int_equal(record.header.type, type);
	if (type == RECORD_MOVE)
		assert_int_equal(protocol_attach_check(&record.attach, &err), 0);
	return record;
}

static void answer(const char *address)
{
	struct ready_record ready;

	protocol_record_init(&ready, RECORD_READY);
	ready.address.s_addr = inet_addr(address);
	roam_ready(&roam, &ready);
}

static void start(unsigned int configure)
{
	struct ready_record ready;
	struct error err;
	int sockets[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	netsetup = (struct netsetup){ .socket = sockets[0] };
	service = sockets[1];
	reports = 0;
	network = (struct network){ .configure = configure };
	roam_init(&roam, &netsetup);
	protocol_record_init(&roam.request, RECORD_ATTACH);
	strcpy(roam.request.name, "web");
	roam.request.queues = 1;
	roam.request.mac = (struct ether_addr){ { 0x52 } };
	if (roam_choose(&roam, &network, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(roam.request.host.s_addr, inet_addr("192.168.7.5"));
	protocol_record_init(&ready, RECORD_READY);
	ready.address.s_addr = inet_addr("192.168.7.10");
	ready.tap_ifindex = 1000;
	roam_join(&roam, &ready);
	roam.changed = on_changed;
	loop = loop_new(&err);
	ticker = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	assert_int_equal(loop_add(loop, ticker, POLLIN, on_tick, NULL, &err), 0);
	assert_int_equal(roam_watch(&roam, loop, &err), 0);
}

static void end(void)
{
	roam_end(&roam);
	roam_end(&roam);
	loop_free(loop);
	close(ticker);
	close(service);
	close(netsetup.socket);
}

/* A change of the uplink leads to one move, and nothing more comes before its answer. */
static void run_own_event(void)
{
	union record record;

	start(CONFIGURE_CMDLINE);
	assert_false(run_until_record(QUIET_MS));
	assert_int_equal(namespace_run("ip link set e0 mtu 1400"), 0);
	record = expect(RECORD_MOVE);
	assert_int_equal(record.attach.address.s_addr, inet_addr("192.168.7.10"));
	assert_int_equal(namespace_run("ip link set e0 mtu 1300"), 0);
	assert_false(run_until_record(QUIET_MS));
	answer("192.168.7.10");
	expect(RECORD_MOVE);
	answer("192.168.7.10");
	assert_int_equal(roam.place.mtu, 1300);
	assert_false(run_until_record(QUIET_MS));
	end();
}

/* Another interface matters only if it becomes the uplink. */
static void run_other_event(void)
{
	start(CONFIGURE_DHCP);
	assert_int_equal(namespace_run("ip link add x0 type veth peer name x1 && "
				       "ip link set x0 up && ip link set x1 up && "
				       "ip addr add 10.0.0.5/24 dev x0"),
			 0);
	assert_false(run_until_record(QUIET_MS));
	assert_int_equal(namespace_run("ip route replace default via 10.0.0.1 dev x0"), 0);
	expect(RECORD_WITHDRAW);
	assert_int_equal(expect(RECORD_MOVE).attach.host.s_addr, inet_addr("10.0.0.5"));
	answer("10.0.0.9");
	assert_string_equal(roam.place.uplink, "x0");
	assert_int_equal(reports, 1);
	end();
}

/* A short absence is not reported; a long one is. */
static void run_away(void)
{
	start(CONFIGURE_CMDLINE);
	assert_int_equal(namespace_run("ip route del default"), 0);
	expect(RECORD_WITHDRAW);
	assert_int_equal(namespace_run("ip route add default via 192.168.7.1"), 0);
	expect(RECORD_MOVE);
	answer("192.168.7.10");
	assert_int_equal(reports, 0);
	assert_int_equal(namespace_run("ip route del default"), 0);
	expect(RECORD_WITHDRAW);
	assert_false(run_until_record(700));
	assert_int_equal(reports, 1);
	assert_int_equal(roam.place.state, LAN_AWAY);
	end();
}

/* A failure that may be temporary is tried again after a second, a refusal is not. */
static void run_failed(void)
{
	const struct error busy = { .code = EIO, .status = STATUS_FAILURE };
	const struct error policy = { .code = EACCES, .status = STATUS_PERMISSION };

	start(CONFIGURE_CMDLINE);
	roam_look(&roam);
	expect(RECORD_MOVE);
	roam_failed(&roam, &busy);
	assert_false(run_until_record(700));
	expect(RECORD_MOVE);
	roam_failed(&roam, &policy);
	expect(RECORD_WITHDRAW);
	assert_false(run_until_record(1200));
	end();
}

static void test_own_event(void **state)
{
	namespace_test(run_own_event);
}

static void test_other_event(void **state)
{
	namespace_test(run_other_event);
}

static void test_away(void **state)
{
	namespace_test(run_away);
}

static void test_failed(void **state)
{
	namespace_test(run_failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_event),
		cmocka_unit_test(test_other_event),
		cmocka_unit_test(test_away),
		cmocka_unit_test(test_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
