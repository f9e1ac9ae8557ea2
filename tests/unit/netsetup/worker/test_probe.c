// SPDX-License-Identifier: GPL-2.0-or-later
// Tests address probes: packets, times and a veth pair.
#include <arpa/inet.h>
#include <net/if_arp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "netsetup/worker/probe.h"
#include "tests/unit/support/range.h"
#include "tests/unit/support/worker.h"

/* One packet while .9 and .10 are probed, and the probes that it makes taken. */
static const struct judge_case {
	const char *name;
	unsigned int operation;
	const struct ether_addr *mac;
	const char *sender;
	const char *target;
	bool taken[2];
} cases[] = {
	{ "an answer", ARPOP_REPLY, &theirs, "192.168.7.9", "0.0.0.0", { true, false } },
	{ "its other address's answer",
	  ARPOP_REPLY,
	  &theirs,
	  "192.168.7.10",
	  "0.0.0.0",
	  { false, true } },
	{ "a question of its user",
	  ARPOP_REQUEST,
	  &theirs,
	  "192.168.7.9",
	  "192.168.7.1",
	  { true, false } },
	{ "a gratuitous one",
	  ARPOP_REQUEST,
	  &theirs,
	  "192.168.7.9",
	  "192.168.7.9",
	  { true, false } },
	{ "another's probe for it",
	  ARPOP_REQUEST,
	  &theirs,
	  "0.0.0.0",
	  "192.168.7.9",
	  { true, false } },
	{ "a probe for something else",
	  ARPOP_REQUEST,
	  &theirs,
	  "0.0.0.0",
	  "192.168.7.11",
	  { false, false } },
	{ "somebody asks for it",
	  ARPOP_REQUEST,
	  &theirs,
	  "192.168.7.1",
	  "192.168.7.9",
	  { false, false } },
	{ "an answer of another",
	  ARPOP_REPLY,
	  &theirs,
	  "192.168.7.1",
	  "192.168.7.9",
	  { false, false } },
	{ "our own probe come back",
	  ARPOP_REQUEST,
	  &ours,
	  "0.0.0.0",
	  "192.168.7.9",
	  { false, false } },
	{ "our own announcement come back",
	  ARPOP_REQUEST,
	  &ours,
	  "192.168.7.9",
	  "192.168.7.9",
	  { false, false } },
};

static void test_judge(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct judge_case *test = &cases[i];
		struct arp arp = { .operation = test->operation,
				   .sender_mac = *test->mac,
				   .sender = address(test->sender),
				   .target = address(test->target) };
		struct probe probes[] = { { .address = address("192.168.7.9") },
					  { .address = address("192.168.7.10") } };
		size_t expected = (size_t)test->taken[0] + test->taken[1];

		if (probe_judge(&arp, &ours, probes, 2) != expected)
			fail_msg("%s", test->name);
		for (size_t p = 0; p < 2; p++) {
			if (probes[p].taken != test->taken[p])
				fail_msg("%s", test->name);
			if (probes[p].taken)
				assert_memory_equal(&probes[p].mac, &theirs, sizeof(theirs));
		}
		/* A taken probe does not become taken again. */
		assert_int_equal(probe_judge(&arp, &ours, probes, 2), 0);
		assert_int_equal(probes[0].taken, test->taken[0]);
	}
}

static unsigned int longest(const struct probe_timing *timing)
{
	return timing->delay_max + (timing->count - 1) * timing->interval_max + timing->wait;
}

/* The strict times are those of RFC 5227 section 1.1; a user can wait for the others. */
static void test_timing(void **state)
{
	static const struct probe_timing *const all[] = { &probe_strict, &probe_new,
							  &probe_remembered };

	assert_int_equal(probe_strict.delay_max, 1000);    /* PROBE_WAIT */
	assert_int_equal(probe_strict.count, 3);           /* PROBE_NUM */
	assert_int_equal(probe_strict.interval_min, 1000); /* PROBE_MIN */
	assert_int_equal(probe_strict.interval_max, 2000); /* PROBE_MAX */
	assert_int_equal(probe_strict.wait, 2000);         /* ANNOUNCE_WAIT */
	assert_uint_in_range(longest(&probe_new), 1, 1000);
	assert_uint_in_range(longest(&probe_remembered), 1, 250);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		assert_true(all[i]->count >= 3);
		assert_true(all[i]->interval_min > 0);
		assert_true(all[i]->interval_min <= all[i]->interval_max);
		/* The last probe has at least as long for its answer as the others. */
		assert_true(all[i]->wait >= all[i]->interval_max);
	}
}

/* Short times for tests; only answers that do come are waited for. */
static const struct probe_timing quick = {
	.count = 3, .interval_min = 1, .interval_max = 5, .wait = 50
};

/* Probes until the end, as the worker does; returns the milliseconds that it took. */
static uint64_t run(struct probe_batch *batch, int socket)
{
	const uint64_t start = monotonic_ms();
	struct pollfd poller = { .fd = socket, .events = POLLIN };
	struct arp arp;

	do {
		poll(&poller, 1, 1);
		while (arp_receive(socket, &arp) == 0)
			probe_receive(batch, &ours, &arp);
	} while (!probe_step(batch, socket, &ours, monotonic_ms()));
	return monotonic_ms() - start;
}

static int open_arp(const char *ifname)
{
	struct error err;
	int fd = arp_socket_open(if_nametoindex(ifname), &err);

	assert_true(fd >= 0);
	return fd;
}

/* Without an answer all stay free, and each was probed as often as @count. */
static void nobody(void)
{
	struct probe probes[PROBE_BATCH_MAX] = { 0 };
	unsigned int counts[PROBE_BATCH_MAX] = { 0 };
	cleanup_fd int there = worker_far_end();
	cleanup_fd int here = open_arp("e0");
	struct probe_batch batch;
	struct arp arp;

	for (uint32_t i = 0; i < PROBE_BATCH_MAX; i++) {
		probes[i].address.s_addr = htonl(0xc0a80700 + i);
		probes[i].taken = 1;
	}
	/* As many as the buffer of the far end holds at once. */
	probe_start(&batch, &quick, probes, 16, monotonic_ms());
	assert_uint_in_range(run(&batch, here), 52, 10000);
	while (arp_receive(there, &arp) == 0) {
		assert_int_equal(arp.operation, ARPOP_REQUEST);
		assert_true(ipv4_unset(arp.sender));
		assert_memory_equal(&arp.sender_mac, &ours, sizeof(ours));
		counts[ntohl(arp.target.s_addr) & 0x7f]++;
	}
	for (size_t i = 0; i < PROBE_BATCH_MAX; i++)
		assert_int_equal(counts[i], i < 16 ? 3 : 0);
	assert_int_equal(batch.free_count, 16);
	assert_int_equal(batch.error, 0);
	probe_start(&batch, &quick, probes, PROBE_BATCH_MAX, monotonic_ms());
	run(&batch, here);
	for (size_t i = 0; i < PROBE_BATCH_MAX; i++)
		assert_false(batch.probes[i].taken);
}

static void test_nobody(void **state)
{
	namespace_test(nobody);
}

/* The kernel of another namespace answers at the far end. */
static void answered(void)
{
	static const struct probe_timing patient = {
		.count = 3, .interval_min = 100, .interval_max = 100, .wait = 1000
	};
	const struct probe probes[] = { { .address = address("192.168.7.77") },
					{ .address = address("192.168.7.78") } };
	struct probe_batch batch;
	cleanup_fd int here = -1;

	assert_int_equal(namespace_run("ip link set e0 address 02:00:00:00:00:01 && "
				       "mkdir -p /run/netns && ip netns add far && "
				       "ip link set e0-p netns far && "
				       "ip -n far link set e0-p address 02:00:00:00:00:77 up && "
				       "ip -n far addr add 192.168.7.77/24 dev e0-p"),
			 0);
	here = open_arp("e0");
	probe_start(&batch, &patient, probes, 2, monotonic_ms());
	run(&batch, here);
	assert_true(batch.probes[0].taken);
	assert_false(batch.probes[1].taken);
	assert_memory_equal(&batch.probes[0].mac, &((struct ether_addr){ { 2, 0, 0, 0, 0, 0x77 } }),
			    sizeof(struct ether_addr));
}

static void test_answered(void **state)
{
	namespace_test(answered);
}

/* All are taken before the first probe, so the probes do not wait for the day of @timing. */
static void all_taken(void)
{
	static const struct probe_timing day = { .delay_max = 86400000,
						 .count = 3,
						 .interval_min = 86400000,
						 .interval_max = 86400000,
						 .wait = 86400000 };
	const struct probe probe = { .address = address("192.168.7.77") };
	const struct arp user = arp_announcement(&theirs, address("192.168.7.77"));
	struct probe_batch batch;
	struct error err;
	cleanup_fd int here = open_arp("e0");
	cleanup_fd int there = open_arp("e0-p");

	assert_int_equal(arp_send(there, &user, &err), 0);
	probe_start(&batch, &day, &probe, 1, monotonic_ms());
	run(&batch, here);
	assert_true(batch.probes[0].taken);
}

static void test_all_taken(void **state)
{
	namespace_test(all_taken);
}

/* Nothing is proven on an interface that is down. */
static void link_down(void)
{
	const struct probe probes[] = { { .address = address("192.168.7.77") },
					{ .address = address("192.168.7.78") } };
	struct probe_batch batch;
	cleanup_fd int here = open_arp("e0");

	assert_int_equal(namespace_run("ip link set e0 down"), 0);
	probe_start(&batch, &quick, probes, 2, monotonic_ms());
	run(&batch, here);
	assert_int_equal(batch.error, ENETDOWN);
	assert_true(batch.probes[0].taken && batch.probes[1].taken);
}

static void test_link_down(void **state)
{
	namespace_test(link_down);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge),     cmocka_unit_test(test_timing),
		cmocka_unit_test(test_nobody),    cmocka_unit_test(test_answered),
		cmocka_unit_test(test_all_taken), cmocka_unit_test(test_link_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
