// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the stored addresses: order, one for each network, malformed files.
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "launcher/lan/address_history.h"
#include "netsetup/base/cleanup.h"
#include "tests/unit/support/scratch.h"

static int setup(void **state)
{
	return scratch_setup(state) || setenv("XDG_STATE_HOME", scratch, 1);
}

static struct in_addr address(const char *text)
{
	struct in_addr parsed;

	assert_true(ipv4_parse(text, &parsed));
	return parsed;
}

/* Returns the stored addresses as "A B C". */
static const char *remembered(void)
{
	static char all[REMEMBERED_MAX * IPV4_TEXT_SIZE + 1];
	struct in_addr addresses[REMEMBERED_MAX];
	char text[IPV4_TEXT_SIZE];
	bool end = false;

	memset(addresses, 0xee, sizeof(addresses));
	address_history_load("web", 0, addresses);
	all[0] = '\0';
	for (size_t i = 0; i < REMEMBERED_MAX; i++) {
		/* No address follows the first unset one. */
		assert_false(end && !ipv4_unset(addresses[i]));
		end = ipv4_unset(addresses[i]);
		if (!end)
			snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? " " : "",
				 ipv4_text(addresses[i], text));
	}
	return all;
}

static void store(const char *text, unsigned int length)
{
	const struct prefix prefix = { address(text), length };
	struct in_addr addresses[REMEMBERED_MAX];

	address_history_load("web", 0, addresses);
	address_history_store("web", 0, &prefix, addresses);
}

static void test_nothing(void **state)
{
	assert_string_equal(remembered(), "");
}

static void test_store(void **state)
{
	struct stat status;

	store("192.168.1.9", 24);
	assert_string_equal(remembered(), "192.168.1.9");
	assert_int_equal(stat(scratch_path("vmrun/web"), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	assert_int_equal(access(scratch_path("vmrun/web/addresses.new"), F_OK), -1);
	store("10.0.0.7", 8);
	assert_string_equal(remembered(), "10.0.0.7 192.168.1.9");
	/* A new address replaces the one of its network and comes first. */
	store("192.168.1.10", 24);
	assert_string_equal(remembered(), "192.168.1.10 10.0.0.7");
	/* The prefix decides: the network 192.0.0.0/8 includes the addresses before. */
	store("192.168.5.5", 24);
	store("192.1.1.1", 8);
	assert_string_equal(remembered(), "192.1.1.1 10.0.0.7");
	/* Other VMs get no file. */
	assert_int_equal(access(scratch_path("vmrun/other"), F_OK), -1);
}

static void test_full(void **state)
{
	for (unsigned int i = 1; i <= REMEMBERED_MAX + 3; i++) {
		char text[IPV4_TEXT_SIZE];

		snprintf(text, sizeof(text), "10.0.%u.1", i);
		store(text, 24);
	}
	assert_string_equal(remembered(), "10.0.11.1 10.0.10.1 10.0.9.1 10.0.8.1 10.0.7.1 "
					  "10.0.6.1 10.0.5.1 10.0.4.1");
}

/* An address that is already the first is not written again. */
static void test_unchanged(void **state)
{
	struct stat before, after;

	store("192.168.1.9", 24);
	assert_int_equal(stat(scratch_path("vmrun/web/addresses"), &before), 0);
	store("192.168.1.9", 24);
	assert_int_equal(stat(scratch_path("vmrun/web/addresses"), &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
}

static const struct {
	const char *content;
	const char *remembered;
} files[] = {
	{ "", "" },
	{ "\n\n\n", "" },
	{ "192.168.1.9", "192.168.1.9" },
	{ "192.168.1.9\r\n10.0.0.1\n", "10.0.0.1" },
	{ "garbage\n10.0.0.1\n", "10.0.0.1" },
	{ "127.0.0.1\n224.0.0.1\n255.255.255.255\n0.0.0.0\n10.0.0.1\n", "10.0.0.1" },
	{ " 10.0.0.1\n10.0.0.1 \n10.1\n010.0.0.1\n10.0.0.256\n", "" },
	{ "1.0.0.1\n2.0.0.1\n3.0.0.1\n4.0.0.1\n5.0.0.1\n6.0.0.1\n7.0.0.1\n8.0.0.1\n9.0.0.1\n",
	  "1.0.0.1 2.0.0.1 3.0.0.1 4.0.0.1 5.0.0.1 6.0.0.1 7.0.0.1 8.0.0.1" },
};

static void test_files(void **state)
{
	char binary[1000];

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		scratch_text("vmrun/web/addresses", files[i].content);
		assert_string_equal(remembered(), files[i].remembered);
	}
	for (size_t i = 0; i < sizeof(binary); i++)
		binary[i] = (char)(i * 7);
	scratch_write("vmrun/web/addresses", binary, sizeof(binary));
	assert_string_equal(remembered(), "");
	/* A directory instead of the file counts as an empty file, and the store fails silently. */
	assert_int_equal(unlink(scratch_path("vmrun/web/addresses")), 0);
	assert_int_equal(mkdir(scratch_path("vmrun/web/addresses"), 0700), 0);
	assert_string_equal(remembered(), "");
	store("10.0.0.1", 8);
	assert_int_equal(access(scratch_path("vmrun/web/addresses.new"), F_OK), -1);
}

/* A failure to write is no error. */
static void test_no_directory(void **state)
{
	scratch_text("vmrun", "a file where the directory should be");
	store("10.0.0.1", 8);
	assert_string_equal(remembered(), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_store, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_unchanged, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_files, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_no_directory, setup, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
