// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the order of candidates: each once, always the same.
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/service/candidate.h"
#include "tests/unit/support/range.h"

static const struct in_addr none = { INADDR_ANY };

static struct in_addr address(const char *text)
{
	struct in_addr parsed;

	assert_true(ipv4_parse(text, &parsed));
	return parsed;
}

/* A uuid with this number in its first and last octets. */
static void make_uuid(uint8_t uuid[16], unsigned int number)
{
	memset(uuid, 0x5a, 16);
	uuid[0] = (uint8_t)number;
	uuid[1] = (uint8_t)(number >> 8);
	uuid[15] = (uint8_t)number;
}

/* Visits all: each address from first to last once, and nothing else. */
static void walk_whole(const struct prefix *subnet, struct in_addr first, struct in_addr last,
		       uint32_t low, uint32_t high, unsigned int number)
{
	cleanup_free uint8_t *seen = calloc(high - low + 1, 1);
	struct candidates candidates;
	struct in_addr found;
	uint8_t uuid[16];

	assert_non_null(seen);
	make_uuid(uuid, number);
	assert_true(candidate_init(&candidates, subnet, first, last, uuid, 0));
	for (uint32_t i = low; i <= high; i++) {
		uint32_t host;

		assert_true(candidate_next(&candidates, &found));
		assert_true(ipv4_prefix_host(subnet, found));
		host = ntohl(found.s_addr);
		assert_true(host >= low && host <= high);
		assert_int_equal(seen[host - low]++, 0);
	}
	assert_false(candidate_next(&candidates, &found));
	assert_false(candidate_next(&candidates, &found));
}

/* Tests every prefix down to /16 completely, for several VMs. */
static void test_permutation(void **state)
{
	for (unsigned int length = 30; length >= 16; length--) {
		const struct prefix subnet = { address("172.16.77.129"), length };
		uint32_t low = ntohl(ipv4_prefix_network(&subnet).s_addr) + 1;
		uint32_t high = ntohl(ipv4_prefix_broadcast(&subnet).s_addr) - 1;

		for (unsigned int number = 0; number < (length >= 24 ? 64 : 3); number++)
			walk_whole(&subnet, none, none, low, high, number);
	}
}

/* Tests every size of a range, at every position of a /28. */
static void test_ranges(void **state)
{
	const struct prefix subnet = { address("10.1.2.35"), 28 };
	const uint32_t network = ntohl(address("10.1.2.32").s_addr);

	for (uint32_t low = network + 1; low < network + 15; low++)
		for (uint32_t high = low; high < network + 15; high++)
			walk_whole(&subnet, (struct in_addr){ htonl(low) },
				   (struct in_addr){ htonl(high) }, low, high, low * 16 + high);
}

static uint32_t divisor(uint32_t a, uint32_t b)
{
	return b ? divisor(b, a % b) : a;
}

/* Tests the beginning of large spans; the stride proves the rest. */
static void test_large(void **state)
{
	static const unsigned int lengths[] = { 1, 2, 7, 8, 9, 12, 15 };

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		const struct prefix subnet = { address("10.200.3.4"), lengths[i] };
		struct candidates candidates;
		struct in_addr found;
		uint8_t uuid[16];

		for (unsigned int number = 0; number < 16; number++) {
			uint32_t first, previous;

			make_uuid(uuid, number);
			assert_true(candidate_init(&candidates, &subnet, none, none, uuid, 0));
			assert_int_equal(candidates.count, (1ull << (32 - lengths[i])) - 2);
			assert_true(candidates.stride > 0);
			assert_true(candidates.stride < candidates.count);
			assert_int_equal(divisor(candidates.stride, candidates.count), 1);
			first = previous = candidates.first + candidates.next;
			for (int step = 0; step < 1000; step++) {
				assert_true(candidate_next(&candidates, &found));
				assert_true(ipv4_prefix_host(&subnet, found));
				assert_true(step == 0 || ntohl(found.s_addr) != previous);
				assert_true(step == 0 || ntohl(found.s_addr) != first);
				previous = ntohl(found.s_addr);
			}
		}
	}
}

/* The largest span must not overflow near its end. */
static void test_large_end(void **state)
{
	const struct prefix subnet = { address("10.0.0.1"), 1 };
	struct candidates candidates;
	struct in_addr found;
	uint8_t uuid[16];

	make_uuid(uuid, 1);
	assert_true(candidate_init(&candidates, &subnet, none, none, uuid, 0));
	candidates.stride = candidates.count - 1;
	candidates.next = candidates.count - 1;
	candidates.visited = candidates.count - 3;
	for (int i = 0; i < 3; i++) {
		assert_true(candidate_next(&candidates, &found));
		assert_true(ipv4_prefix_host(&subnet, found));
		assert_int_equal(ntohl(found.s_addr), candidates.first + candidates.count - 1 - i);
	}
	assert_false(candidate_next(&candidates, &found));
}

static uint32_t first_of(const char *network, unsigned int length, unsigned int number)
{
	const struct prefix subnet = { address(network), length };
	struct candidates candidates;
	struct in_addr found;
	uint8_t uuid[16];

	make_uuid(uuid, number);
	assert_true(candidate_init(&candidates, &subnet, none, none, uuid, 0));
	assert_true(candidate_next(&candidates, &found));
	return ntohl(found.s_addr);
}

/* The order depends on the subnet and the uuid, not on the host's own address. */
static void test_determinism(void **state)
{
	unsigned int same = 0;

	for (unsigned int number = 0; number < 256; number++) {
		assert_int_equal(first_of("192.168.1.7", 24, number),
				 first_of("192.168.1.200", 24, number));
		/* By chance, about one in 254. */
		same += first_of("192.168.1.7", 24, number) ==
			first_of("192.168.1.7", 24, number + 1);
		same += (first_of("192.168.1.7", 24, number) & 0xff) ==
			(first_of("192.168.2.7", 24, number) & 0xff);
	}
	assert_uint_in_range(same, 0, 16);
}

/* The orders of two VMs differ at once, so VMs that start together do not collide repeatedly. */
static void test_walks_part(void **state)
{
	const struct prefix subnet = { address("192.168.1.7"), 24 };
	unsigned int same = 0;

	for (unsigned int number = 0; number < 64; number++) {
		struct candidates a, b;
		struct in_addr of_a, of_b;
		uint8_t uuid[16];

		make_uuid(uuid, number);
		assert_true(candidate_init(&a, &subnet, none, none, uuid, 0));
		make_uuid(uuid, number + 1);
		assert_true(candidate_init(&b, &subnet, none, none, uuid, 0));
		for (int step = 0; step < 8; step++) {
			assert_true(candidate_next(&a, &of_a) && candidate_next(&b, &of_b));
			same += ipv4_equal(of_a, of_b);
		}
	}
	assert_uint_in_range(same, 0, 24);
}

/* A second run has the same order to the end. The prefix length is part of the seed. */
static void test_same_again(void **state)
{
	const struct prefix subnet = { address("192.168.1.7"), 24 };
	struct candidates first, second;
	struct in_addr of_first, of_second;
	uint8_t uuid[16];

	make_uuid(uuid, 1);
	assert_true(candidate_init(&first, &subnet, none, none, uuid, 0));
	memset(&second, 0xee, sizeof(second));
	assert_true(candidate_init(&second, &subnet, none, none, uuid, 0));
	while (candidate_next(&first, &of_first)) {
		assert_true(candidate_next(&second, &of_second));
		assert_true(ipv4_equal(of_first, of_second));
	}
	assert_int_not_equal(first_of("192.168.1.0", 24, 1), first_of("192.168.1.0", 23, 1));

	/* Each card has an order of its own. */
	assert_true(candidate_init(&first, &subnet, none, none, uuid, 0));
	assert_true(candidate_init(&second, &subnet, none, none, uuid, 1));
	candidate_next(&first, &of_first);
	candidate_next(&second, &of_second);
	assert_false(ipv4_equal(of_first, of_second));
}

/* A range that exceeds the subnet is cut, also at the network and broadcast addresses. */
static void test_cut(void **state)
{
	const struct prefix subnet = { address("192.168.1.7"), 28 };
	const uint32_t low = ntohl(address("192.168.1.1").s_addr);
	const uint32_t high = ntohl(address("192.168.1.14").s_addr);

	walk_whole(&subnet, address("10.0.0.1"), address("192.168.1.3"), low, low + 2, 1);
	walk_whole(&subnet, address("192.168.1.13"), address("223.255.255.255"), high - 1, high, 2);
	walk_whole(&subnet, address("1.0.0.0"), address("223.255.255.255"), low, high, 3);
	walk_whole(&subnet, address("192.168.1.0"), address("192.168.1.15"), low, high, 4);
	walk_whole(&subnet, address("192.168.1.7"), address("192.168.1.7"), low + 6, low + 6, 5);
}

static void test_outside(void **state)
{
	static const char *const ranges[][2] = { { "10.0.0.1", "10.0.0.9" },
						 { "192.168.0.1", "192.168.1.0" },
						 { "192.168.1.15", "192.168.1.15" },
						 { "192.168.1.16", "192.168.1.40" },
						 { "200.0.0.1", "210.0.0.1" } };
	const struct prefix subnet = { address("192.168.1.7"), 28 };
	uint8_t uuid[16];

	make_uuid(uuid, 1);
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		struct candidates candidates;
		struct in_addr found;

		assert_false(candidate_init(&candidates, &subnet, address(ranges[i][0]),
					    address(ranges[i][1]), uuid, 0));
		assert_false(candidate_next(&candidates, &found));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_permutation), cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_large),       cmocka_unit_test(test_large_end),
		cmocka_unit_test(test_determinism), cmocka_unit_test(test_walks_part),
		cmocka_unit_test(test_same_again),  cmocka_unit_test(test_cut),
		cmocka_unit_test(test_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
