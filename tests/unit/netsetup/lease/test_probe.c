// SPDX-License-Identifier: GPL-2.0-or-later
// Tests address probes: packets, times and a veth pair.
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>

#include <cmocka.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/lease/probe.h"
#include "netsetup/session/network.h"
#include "tests/unit/support/namespace.h"

static const struct ether_addr ours = { { 2, 0, 0, 0, 0, 1 } };
static const struct ether_addr theirs = { { 2, 0, 0, 0, 0, 2 } };

static struct in_addr address(const char *text)
{
	struct in_addr parsed;

	assert_true(ipv4_parse(text, &parsed));
	return parsed;
}

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
	assert_in_range(longest(&probe_new), 1, 1000);
	assert_in_range(longest(&probe_remembered), 1, 250);
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

/* Without an answer all stay free, and each was probed as often as @count. */
static void nobody(void)
{
	struct probe probes[PROBE_BATCH_MAX] = { 0 };
	unsigned int counts[PROBE_BATCH_MAX] = { 0 };
	struct error err = { 0 };
	cleanup_fd int here = -1;
	cleanup_fd int there = -1;
	struct arp arp;

	assert_int_equal(namespace_run("ip link set e0 arp off && ip link set e0-p arp off"), 0);
	here = arp_open(if_nametoindex("e0"), &err);
	there = arp_open(if_nametoindex("e0-p"), &err);
	assert_true(here >= 0 && there >= 0);
	for (uint32_t i = 0; i < PROBE_BATCH_MAX; i++) {
		probes[i].address.s_addr = htonl(0xc0a80700 + i);
		probes[i].taken = true;
	}
	/* As many as the buffer of the far end holds at once. */
	assert_int_equal(probe_run(here, if_nametoindex("e0"), &ours, &quick, probes, 16, &err), 0);
	while (arp_receive(there, &arp) == 0) {
		assert_int_equal(arp.operation, ARPOP_REQUEST);
		assert_true(ipv4_unset(arp.sender));
		assert_memory_equal(&arp.sender_mac, &ours, sizeof(ours));
		counts[ntohl(arp.target.s_addr) & 0x7f]++;
	}
	for (size_t i = 0; i < PROBE_BATCH_MAX; i++) {
		assert_int_equal(counts[i], i < 16 ? 3 : 0);
		assert_int_equal(probes[i].taken, i >= 16);
	}
	assert_int_equal(
		probe_run(here, if_nametoindex("e0"), &ours, &quick, probes, PROBE_BATCH_MAX, &err),
		0);
	for (size_t i = 0; i < PROBE_BATCH_MAX; i++)
		assert_false(probes[i].taken);
}

static void test_nobody(void **state)
{
	namespace_test(nobody);
}

/* The kernel of another namespace answers at the far end. */
static void answered(void)
{
	struct probe probes[] = { { .address = address("192.168.7.77") },
				  { .address = address("192.168.7.78") } };
	static const struct probe_timing patient = {
		.count = 3, .interval_min = 100, .interval_max = 100, .wait = 1000
	};
	struct error err = { 0 };
	cleanup_fd int here = -1;

	assert_int_equal(namespace_run("mkdir -p /run/netns && ip netns add far && "
				       "ip link set e0-p netns far && "
				       "ip -n far link set e0-p address 02:00:00:00:00:77 up && "
				       "ip -n far addr add 192.168.7.77/24 dev e0-p"),
			 0);
	here = arp_open(if_nametoindex("e0"), &err);
	assert_true(here >= 0);
	assert_int_equal(probe_run(here, if_nametoindex("e0"), &ours, &patient, probes, 2, &err),
			 0);
	assert_true(probes[0].taken);
	assert_false(probes[1].taken);
	assert_memory_equal(&probes[0].mac, &((struct ether_addr){ { 2, 0, 0, 0, 0, 0x77 } }),
			    sizeof(struct ether_addr));
}

static void test_answered(void **state)
{
	namespace_test(answered);
}

/*
 * Answers from before the deadline count even if this process runs only after it: the times are 0
 * here, as if it had not run meanwhile.
 */
static void answered_while_asleep(void)
{
	static const struct probe_timing none = { .count = 1 };
	struct probe probes[] = { { .address = address("192.168.7.77") },
				  { .address = address("192.168.7.78") } };
	struct arp answer = { .operation = ARPOP_REPLY,
			      .sender_mac = theirs,
			      .sender = address("192.168.7.77"),
			      .target_mac = ours };
	struct error err = { 0 };
	cleanup_fd int here = -1;
	cleanup_fd int there = -1;

	here = arp_open(if_nametoindex("e0"), &err);
	there = arp_open(if_nametoindex("e0-p"), &err);
	assert_true(here >= 0 && there >= 0);
	assert_int_equal(arp_send(there, if_nametoindex("e0-p"), &answer, &err), 0);
	assert_int_equal(probe_run(here, if_nametoindex("e0"), &ours, &none, probes, 2, &err), 0);
	assert_true(probes[0].taken);
	assert_false(probes[1].taken);
}

static void test_answered_while_asleep(void **state)
{
	namespace_test(answered_while_asleep);
}

/* All are taken before the first probe, so the call does not wait for the day of @timing. */
static void all_taken(void)
{
	static const struct probe_timing day = { .delay_max = 86400000,
						 .count = 3,
						 .interval_min = 86400000,
						 .interval_max = 86400000,
						 .wait = 86400000 };
	struct probe probe = { .address = address("192.168.7.77") };
	struct arp user = arp_announcement(&theirs, address("192.168.7.77"));
	struct error err = { 0 };
	cleanup_fd int here = -1;
	cleanup_fd int there = -1;

	here = arp_open(if_nametoindex("e0"), &err);
	there = arp_open(if_nametoindex("e0-p"), &err);
	assert_true(here >= 0 && there >= 0);
	assert_int_equal(arp_send(there, if_nametoindex("e0-p"), &user, &err), 0);
	assert_int_equal(probe_run(here, if_nametoindex("e0"), &ours, &day, &probe, 1, &err), 0);
	assert_true(probe.taken);
}

static void test_all_taken(void **state)
{
	namespace_test(all_taken);
}

/* A flood does not keep the probes from ending. */
static void flood(void)
{
	const unsigned int far = if_nametoindex("e0-p");
	struct probe probe = { .address = address("192.168.7.77") };
	struct arp other = arp_announcement(&theirs, address("192.168.7.78"));
	struct error err = { 0 };
	cleanup_fd int here = -1;
	cleanup_fd int there = -1;
	pid_t child;

	here = arp_open(if_nametoindex("e0"), &err);
	there = arp_open(far, &err);
	assert_true(here >= 0 && there >= 0);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			arp_send(there, far, &other, &err);
	}
	assert_int_equal(probe_run(here, if_nametoindex("e0"), &ours, &quick, &probe, 1, &err), 0);
	assert_false(probe.taken);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void test_flood(void **state)
{
	namespace_test(flood);
}

/* A flood does not keep network_confirm() from ending either: no packet here is the router's. */
static void flood_of_probes(void)
{
	const unsigned int far = if_nametoindex("e0-p");
	const struct arp other = arp_probe(&theirs, address("192.168.7.1"));
	const struct uplink uplink = { .ifindex = if_nametoindex("e0"),
				       .prefix = { address("192.168.7.2"), 24 },
				       .mac = ours };
	const struct network network = { .router = address("192.168.7.1"), .router_mac = theirs };
	struct error err = { 0 };
	cleanup_fd int here = -1;
	cleanup_fd int there = -1;
	pid_t child;

	here = arp_open(uplink.ifindex, &err);
	there = arp_open(far, &err);
	assert_true(here >= 0 && there >= 0);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			arp_send(there, far, &other, &err);
	}
	/* Kills this process if the call does not end. */
	alarm(10);
	assert_false(network_confirm(&network, &uplink, here));
	alarm(0);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void test_flood_of_probes(void **state)
{
	namespace_test(flood_of_probes);
}

static void link_down(void)
{
	struct probe probe = { .address = address("192.168.7.77") };
	struct error err = { 0 };
	cleanup_fd int here = arp_open(if_nametoindex("e0"), &err);

	assert_true(here >= 0);
	assert_int_equal(namespace_run("ip link set e0 down"), 0);
	assert_int_equal(probe_run(here, if_nametoindex("e0"), &ours, &quick, &probe, 1, &err),
			 -ENETDOWN);
	assert_int_equal(err.code, ENETDOWN);
}

static void test_link_down(void **state)
{
	namespace_test(link_down);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_timing),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_answered),
		cmocka_unit_test(test_answered_while_asleep),
		cmocka_unit_test(test_all_taken),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_flood_of_probes),
		cmocka_unit_test(test_link_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
