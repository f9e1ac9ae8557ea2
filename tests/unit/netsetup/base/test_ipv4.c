// SPDX-License-Identifier: GPL-2.0-or-later
// Converts IPv4 texts and masks, and checks addresses against subnets.
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"

static struct in_addr address(const char *text)
{
	struct in_addr parsed;

	assert_true(ipv4_parse(text, &parsed));
	return parsed;
}

static struct prefix prefix(const char *text, unsigned int length)
{
	return (struct prefix){ address(text), length };
}

static void test_parse(void **state)
{
	static const char *const bad[] = {
		"",         "1",          "1.2.3",      "1.2.3.4.5", "1.2.3.256", "01.2.3.4",
		"1.2.3.04", "0x1.2.3.4",  " 1.2.3.4",   "1.2.3.4 ",  "1.2.3.4\n", "1.2.3.4/24",
		"1..3.4",   "1.2.3.-4",   "::1",        "1.2.3.",    "+1.2.3.4",  "a.b.c.d",
		"1,2,3,4",  "1.2.3.4.\0", "4294967295", "1.2.3.1e1",
	};
	struct in_addr parsed = { 42 };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_false(ipv4_parse(bad[i], &parsed));
		assert_int_equal(parsed.s_addr, 42);
	}
	assert_int_equal(ntohl(address("192.168.1.10").s_addr), 0xc0a8010a);
	assert_int_equal(address("0.0.0.0").s_addr, 0);
	assert_int_equal(address("255.255.255.255").s_addr, UINT32_MAX);
}

static void test_text(void **state)
{
	char text[IPV4_TEXT_SIZE];
	struct prefix longest = prefix("255.255.255.255", 32), none = prefix("0.0.0.0", 0);

	assert_string_equal(ipv4_text(address("192.168.1.10"), text), "192.168.1.10");
	assert_string_equal(ipv4_prefix_text(&longest, text), "255.255.255.255/32");
	assert_string_equal(ipv4_prefix_text(&none, text), "0.0.0.0/0");
}

static void test_mask(void **state)
{
	assert_true(ipv4_equal(ipv4_mask(0), address("0.0.0.0")));
	assert_true(ipv4_equal(ipv4_mask(1), address("128.0.0.0")));
	assert_true(ipv4_equal(ipv4_mask(20), address("255.255.240.0")));
	assert_true(ipv4_equal(ipv4_mask(31), address("255.255.255.254")));
	assert_true(ipv4_equal(ipv4_mask(32), address("255.255.255.255")));
}

static void test_unicast(void **state)
{
	static const char *const good[] = { "1.0.0.0",   "10.0.0.1",    "126.255.255.255",
					    "128.0.0.0", "169.254.1.1", "223.255.255.255" };
	static const char *const bad[] = {
		"0.0.0.0",   "0.1.2.3",   "127.0.0.1", "127.255.255.255",
		"224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(ipv4_unicast(address(good[i])));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(ipv4_unicast(address(bad[i])));
	assert_true(ipv4_unset(address("0.0.0.0")));
	assert_false(ipv4_unset(address("0.0.0.1")));
}

static void test_subnet(void **state)
{
	struct prefix home = prefix("192.168.1.77", 24), all = prefix("10.1.2.3", 0);
	struct prefix odd = prefix("10.9.8.7", 13);

	assert_true(ipv4_equal(ipv4_prefix_network(&home), address("192.168.1.0")));
	assert_true(ipv4_equal(ipv4_prefix_broadcast(&home), address("192.168.1.255")));
	assert_true(ipv4_equal(ipv4_prefix_network(&odd), address("10.8.0.0")));
	assert_true(ipv4_equal(ipv4_prefix_broadcast(&odd), address("10.15.255.255")));
	assert_true(ipv4_equal(ipv4_prefix_network(&all), address("0.0.0.0")));
	assert_true(ipv4_equal(ipv4_prefix_broadcast(&all), address("255.255.255.255")));
	assert_true(ipv4_prefix_contains(&home, address("192.168.1.0")));
	assert_true(ipv4_prefix_contains(&home, address("192.168.1.255")));
	assert_false(ipv4_prefix_contains(&home, address("192.168.0.255")));
	assert_false(ipv4_prefix_contains(&home, address("192.168.2.0")));
	assert_true(ipv4_prefix_contains(&all, address("1.2.3.4")));
}

static void test_host(void **state)
{
	struct prefix home = prefix("192.168.1.77", 24), four = prefix("10.0.0.5", 30);
	struct prefix pair = prefix("10.0.0.4", 31), single = prefix("10.0.0.4", 32);

	assert_true(ipv4_prefix_host(&home, address("192.168.1.1")));
	assert_true(ipv4_prefix_host(&home, address("192.168.1.254")));
	assert_true(ipv4_prefix_host(&home, address("192.168.1.77")));
	assert_false(ipv4_prefix_host(&home, address("192.168.1.0")));
	assert_false(ipv4_prefix_host(&home, address("192.168.1.255")));
	assert_false(ipv4_prefix_host(&home, address("192.168.2.1")));
	assert_false(ipv4_prefix_host(&four, address("10.0.0.4")));
	assert_true(ipv4_prefix_host(&four, address("10.0.0.5")));
	assert_true(ipv4_prefix_host(&four, address("10.0.0.6")));
	assert_false(ipv4_prefix_host(&four, address("10.0.0.7")));
	assert_false(ipv4_prefix_host(&pair, address("10.0.0.4")));
	assert_false(ipv4_prefix_host(&pair, address("10.0.0.5")));
	assert_false(ipv4_prefix_host(&single, address("10.0.0.4")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),  cmocka_unit_test(test_text),
		cmocka_unit_test(test_mask),   cmocka_unit_test(test_unicast),
		cmocka_unit_test(test_subnet), cmocka_unit_test(test_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
