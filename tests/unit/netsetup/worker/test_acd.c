// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the defence of an address at given times, over a veth pair.
#include <net/if_arp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "netsetup/worker/acd.h"
#include "tests/unit/support/worker.h"

#define OWN "192.168.7.9"

/* An announcement by @theirs at @at is sent again (@defended), and is reported (@reported). */
static const struct {
	uint64_t at;
	bool defended;
	bool reported;
} claims[] = {
	{ 100000, true, false }, /* RFC 5227 section 2.4 (c): defend once */
	{ 100500, false, true }, /* it insists */
	{ 101499, false, false }, { 101500, false, true }, /* once a second */
	{ 109999, false, true },  { 110000, true, false }, /* DEFEND_INTERVAL has passed */
	{ 119999, false, true },  { 130000, true, false }, /* long silence */
	{ 139999, false, true },
};

static void claimed(void)
{
	const struct arp claim = arp_announcement(&theirs, address(OWN));
	cleanup_fd int there = worker_far_end();
	struct acd acd = { 0 };
	cleanup_fd int here = -1;
	struct error err;
	struct arp arp;

	here = arp_socket_open(if_nametoindex("e0"), &err);
	acd_start(&acd, address(OWN));
	for (size_t i = 0; i < ARRAY_SIZE(claims); i++) {
		if (acd_receive(&acd, here, &ours, &claim, claims[i].at) != claims[i].reported)
			fail_msg("the report of claim %zu", i);
		if ((arp_receive(there, &arp) == 0) != claims[i].defended)
			fail_msg("the defence against claim %zu", i);
		if (claims[i].defended) {
			assert_true(ipv4_equal(arp.sender, address(OWN)));
			assert_memory_equal(&arp.sender_mac, &ours, sizeof(ours));
		}
		/* The same address is no new one. */
		acd_start(&acd, address(OWN));
	}
	/* Another address has no history. */
	acd_start(&acd, address("192.168.7.10"));
	acd_start(&acd, address(OWN));
	assert_false(acd_receive(&acd, here, &ours, &claim, 140100));
	assert_int_equal(arp_receive(there, &arp), 0);
}

static void test_claimed(void **state)
{
	namespace_test(claimed);
}

static void probed(void)
{
	struct arp probe = arp_probe(&theirs, address(OWN));
	cleanup_fd int there = worker_far_end();
	struct acd acd = { 0 };
	cleanup_fd int here = -1;
	struct error err;
	struct arp arp;

	here = arp_socket_open(if_nametoindex("e0"), &err);
	/* Nothing is defended. */
	assert_false(acd_receive(&acd, here, &ours, &probe, 1));
	assert_int_equal(arp_receive(there, &arp), -EAGAIN);

	acd_start(&acd, address(OWN));
	assert_false(acd_receive(&acd, here, &ours, &probe, 1));
	assert_int_equal(arp_receive(there, &arp), 0);
	assert_int_equal(arp.operation, ARPOP_REPLY);
	assert_true(ipv4_equal(arp.sender, address(OWN)));
	assert_memory_equal(&arp.sender_mac, &ours, sizeof(ours));
	assert_memory_equal(&arp.target_mac, &theirs, sizeof(theirs));

	/* The kernel answers ordinary requests; other addresses are others'. */
	probe.sender = address("192.168.7.1");
	assert_false(acd_receive(&acd, here, &ours, &probe, 1));
	probe = arp_probe(&theirs, address("192.168.7.10"));
	assert_false(acd_receive(&acd, here, &ours, &probe, 1));
	assert_int_equal(arp_receive(there, &arp), -EAGAIN);
}

static void test_probed(void **state)
{
	namespace_test(probed);
}

/* The second announcement comes once, 2 s after the first. */
static void announced(void)
{
	cleanup_fd int there = worker_far_end();
	struct acd acd = { 0 };
	cleanup_fd int here = -1;
	struct error err;
	struct arp arp;

	here = arp_socket_open(if_nametoindex("e0"), &err);
	acd_start(&acd, address(OWN));
	acd_announce(&acd, here, &ours, 5000);
	assert_int_equal(arp_receive(there, &arp), 0);
	assert_int_equal(arp.operation, ARPOP_REQUEST);
	assert_true(ipv4_equal(arp.sender, address(OWN)) && ipv4_equal(arp.target, arp.sender));
	acd_step(&acd, here, &ours, 6999);
	assert_int_equal(arp_receive(there, &arp), -EAGAIN);
	acd_step(&acd, here, &ours, 7000);
	assert_int_equal(arp_receive(there, &arp), 0);
	acd_step(&acd, here, &ours, 10000);
	assert_int_equal(arp_receive(there, &arp), -EAGAIN);

	/* Every minute, where no request arrives. */
	acd_repeat(&acd, true, 10000);
	acd_step(&acd, here, &ours, 69999);
	assert_int_equal(arp_receive(there, &arp), -EAGAIN);
	for (uint64_t now = 70000; now <= 190000; now += ACD_REPEAT_MS) {
		/* Also after a request that changes nothing. */
		acd_repeat(&acd, true, now);
		acd_step(&acd, here, &ours, now);
		assert_int_equal(arp_receive(there, &arp), 0);
	}
	acd_repeat(&acd, false, 190000);
	acd_step(&acd, here, &ours, 250000);
	assert_int_equal(arp_receive(there, &arp), 0);
	acd_step(&acd, here, &ours, 310000);
	assert_int_equal(arp_receive(there, &arp), -EAGAIN);
}

static void test_announced(void **state)
{
	namespace_test(announced);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_claimed),
		cmocka_unit_test(test_probed),
		cmocka_unit_test(test_announced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
