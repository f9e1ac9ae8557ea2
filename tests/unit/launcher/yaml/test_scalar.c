// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the texts of single values, valid and invalid.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdint.h>
#include <string.h>

#include "launcher/yaml/scalar.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"

#define UNTOUCHED 77

/* struct number - a text and its value; UNTOUCHED if it is invalid. */
struct number {
	const char *text;
	uint64_t value;
};

static void test_count(void **state)
{
	static const struct number rows[] = {
		{ "0", 0 },
		{ "1", 1 },
		{ "255", 255 },
		{ "999999999999999999", UINT64_C(999999999999999999) },
		{ "9999999999999999999", UNTOUCHED },
		{ "", UNTOUCHED },
		{ "01", UNTOUCHED },
		{ "00", UNTOUCHED },
		{ "+1", UNTOUCHED },
		{ "-1", UNTOUCHED },
		{ " 1", UNTOUCHED },
		{ "1 ", UNTOUCHED },
		{ "1_000", UNTOUCHED },
		{ "0x10", UNTOUCHED },
		{ "0o17", UNTOUCHED },
		{ "1e3", UNTOUCHED },
		{ "1.0", UNTOUCHED },
		{ "yes", UNTOUCHED },
		{ "٣", UNTOUCHED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t count = UNTOUCHED;

		assert_int_equal(scalar_count(rows[i].text, &count), rows[i].value != UNTOUCHED);
		assert_int_equal(count, rows[i].value);
	}
}

static void test_size(void **state)
{
	static const struct number rows[] = {
		{ "512M", 512 * MIB },
		{ "512MiB", 512 * MIB },
		{ "2G", 2 * GIB },
		{ "2GiB", 2 * GIB },
		{ "1T", TIB },
		{ "1TiB", TIB },
		{ "64K", 64 * KIB },
		{ "64KiB", 64 * KIB },
		{ "0G", 0 },
		{ "8388607T", 8388607 * TIB },
		{ "8388608T", UNTOUCHED },
		{ "99999999999999999G", UNTOUCHED },
		{ "512", UNTOUCHED },
		{ "512MB", UNTOUCHED },
		{ "512m", UNTOUCHED },
		{ "512 M", UNTOUCHED },
		{ "M", UNTOUCHED },
		{ "1.5G", UNTOUCHED },
		{ "-1G", UNTOUCHED },
		{ "010M", UNTOUCHED },
		{ "1P", UNTOUCHED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t bytes = UNTOUCHED;

		assert_int_equal(scalar_size(rows[i].text, &bytes), rows[i].value != UNTOUCHED);
		assert_int_equal(bytes, rows[i].value);
	}
}

static void test_size_text(void **state)
{
	static const uint64_t sizes[] = {
		KIB, MIB, 1536 * MIB, 20 * GIB, TIB, 1023 * KIB, 3 * TIB
	};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		char text[SCALAR_SIZE_TEXT_SIZE];
		uint64_t bytes;

		assert_true(scalar_size(scalar_size_text(sizes[i], text), &bytes));
		assert_int_equal(bytes, sizes[i]);
	}
}

static void test_duration(void **state)
{
	static const struct number rows[] = {
		{ "0", 0 },           { "60s", 60 },
		{ "2m", 120 },        { "1h", 3600 },
		{ "0s", 0 },          { "60", UNTOUCHED },
		{ "1d", UNTOUCHED },  { "1.5h", UNTOUCHED },
		{ "-1s", UNTOUCHED }, { "s", UNTOUCHED },
		{ "60S", UNTOUCHED }, { "60sec", UNTOUCHED },
		{ "00", UNTOUCHED },  { "999999h", UNTOUCHED },
		{ "", UNTOUCHED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned int seconds = UNTOUCHED;

		assert_int_equal(scalar_duration(rows[i].text, &seconds),
				 rows[i].value != UNTOUCHED);
		assert_int_equal(seconds, rows[i].value);
	}
}

static void test_mac(void **state)
{
	static const char *const wrong[] = {
		"",
		"52:54:00:12:34",
		"52:54:00:12:34:56:78",
		"52-54-00-12-34-56",
		"52:54:00:12:34:5g",
		"525400123456",
		"5:54:00:12:34:56",
		"52:54:00:12:34:5",
		"52:54:00:12:34:56 ",
		"::::::::::::::::::",
		"52:54:00:12:34:\xc3\xa4",
	};
	struct ether_addr mac = { { UNTOUCHED } };
	char text[ARP_MAC_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_false(scalar_mac(wrong[i], &mac));
		assert_int_equal(mac.ether_addr_octet[0], UNTOUCHED);
	}
	assert_true(scalar_mac("52:54:00:AB:cd:0f", &mac));
	assert_string_equal(scalar_mac_text(&mac, text), "52:54:00:ab:cd:0f");
}

static void test_range(void **state)
{
	static const char *const wrong[] = {
		"",
		"-",
		"192.168.1.1",
		"192.168.1.1-",
		"-192.168.1.1",
		"192.168.1.1-2",
		"a-b",
		"192.168.1.1 - 192.168.1.2",
		"192.168.1.1-192.168.1.2-192.168.1.3",
		"192.168.1.1/24-192.168.1.2",
	};
	struct in_addr first = { UNTOUCHED }, last = { UNTOUCHED };

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_false(scalar_range(wrong[i], &first, &last));
		assert_int_equal(first.s_addr, UNTOUCHED);
		assert_int_equal(last.s_addr, UNTOUCHED);
	}
	assert_true(scalar_range("192.168.1.1-192.168.1.2", &first, &last));
	assert_int_equal(ntohl(first.s_addr), 0xc0a80101);
	assert_int_equal(ntohl(last.s_addr), 0xc0a80102);
}

static void test_words(void **state)
{
	char long_name[80];

	memset(long_name, 'a', sizeof(long_name));
	long_name[64] = '\0';
	assert_false(scalar_model(long_name));
	long_name[63] = '\0';
	assert_true(scalar_model(long_name));
	assert_true(scalar_model("pc-q35-7.2"));
	assert_true(scalar_model("virtio-net-pci"));
	assert_false(scalar_model(""));
	assert_false(scalar_model("e1000,mac=1"));
	assert_false(scalar_model("-device"));
	assert_false(scalar_model("e1000 x"));
	assert_true(scalar_user("me"));
	assert_true(scalar_user("_apt"));
	assert_false(scalar_user(""));
	assert_false(scalar_user("1me"));
	assert_false(scalar_user("-me"));
	assert_false(scalar_user("Me"));
	assert_false(scalar_user("me:x"));
	long_name[33] = '\0';
	assert_false(scalar_user(long_name));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_count),     cmocka_unit_test(test_size),
		cmocka_unit_test(test_size_text), cmocka_unit_test(test_duration),
		cmocka_unit_test(test_mac),       cmocka_unit_test(test_range),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
