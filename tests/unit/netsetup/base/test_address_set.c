// SPDX-License-Identifier: GPL-2.0-or-later
// Adds addresses to sets and looks them up while the sets grow and are sorted.
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "netsetup/base/address_set.h"

#define MANY 5000

static struct in_addr number(uint32_t value)
{
	return (struct in_addr){ htonl(value) };
}

static void test_empty(void **state)
{
	struct address_set set = { 0 };

	assert_false(address_set_has(&set, number(0)));
	address_set_done(&set);
	address_set_done(&set);
	assert_false(address_set_has(&set, number(0)));
}

static void test_members(void **state)
{
	struct address_set set = { 0 };

	/* Unsorted addresses with gaps between them, one of them twice. */
	for (uint32_t i = 0; i < MANY; i++)
		address_set_add(&set, number((i * 7919 % MANY) * 0x10001));
	address_set_add(&set, number(0));
	address_set_add(&set, number(UINT32_MAX));
	address_set_add(&set, number(UINT32_MAX));
	assert_false(set.failed);
	for (uint32_t i = 0; i < MANY; i++) {
		assert_true(address_set_has(&set, number(i * 0x10001)));
		assert_false(address_set_has(&set, number(i * 0x10001 + 1)));
	}
	assert_true(address_set_has(&set, number(UINT32_MAX)));
	address_set_done(&set);
	assert_int_equal(set.count, 0);
	assert_null(set.addresses);
}

/* A lookup sorts the set; after an addition the next lookup must sort it again. */
static void test_alternate(void **state)
{
	struct address_set set = { 0 };

	for (uint32_t i = 200; i > 0; i--) {
		assert_false(address_set_has(&set, number(i)));
		address_set_add(&set, number(i));
		assert_true(address_set_has(&set, number(i)));
		assert_true(address_set_has(&set, number(200)));
	}
	address_set_done(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_alternate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
