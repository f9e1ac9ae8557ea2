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
	struct address_history history;
	char text[IPV4_TEXT_SIZE];
	bool end = false;

	memset(&history, 0xee, sizeof(history));
	address_history_load("web", 0, &history);
	all[0] = '\0';
	for (size_t i = 0; i < REMEMBERED_MAX; i++) {
		/* No address follows the first unset one. */
		assert_false(end && !ipv4_unset(history.entries[i].address));
		end = ipv4_unset(history.entries[i].address);
		if (!end)
			snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? " " : "",
				 ipv4_text(history.entries[i].address, text));
	}
	return all;
}

/* Stores an address of the network with this router, 0 for an unknown one, and this SSID. */
static void store_in(const char *text, unsigned int length, uint8_t router, const char *ssid)
{
	struct address_entry entry = { address(text), { { 0, 0, 0, 0, 0, router } }, "" };
	struct address_history history;

	strcpy(entry.ssid, ssid);
	address_history_load("web", 0, &history);
	address_history_store("web", 0, &entry, length, &history);
}

static void store(const char *text, unsigned int length)
{
	store_in(text, length, 0, "");
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

/* Networks of the same numbers: each has its own address. */
static void test_identity(void **state)
{
	store_in("192.168.1.9", 24, 1, "home");
	store_in("192.168.1.10", 24, 2, "cafe");
	assert_string_equal(remembered(), "192.168.1.10 192.168.1.9");
	/* The router decides, whatever the SSID. */
	store_in("192.168.1.11", 24, 1, "home 5G");
	assert_string_equal(remembered(), "192.168.1.11 192.168.1.10");
	/* The same address in another network. */
	store_in("192.168.1.11", 24, 3, "home");
	assert_string_equal(remembered(), "192.168.1.11 192.168.1.11 192.168.1.10");
	/* An unknown router does not replace a known one. */
	store_in("192.168.1.11", 24, 0, "home");
	store_in("192.168.1.11", 24, 4, "home");
	assert_string_equal(remembered(), "192.168.1.11 192.168.1.11 192.168.1.11 192.168.1.10");
	/* Without a router's address, the SSID decides. */
	store_in("192.168.1.12", 24, 0, "cafe");
	assert_string_equal(remembered(), "192.168.1.12 192.168.1.11 192.168.1.11 192.168.1.11");
	/* An entry without an identity may be of another network. */
	store("192.168.1.13", 24);
	assert_string_equal(remembered(),
			    "192.168.1.13 192.168.1.12 192.168.1.11 192.168.1.11 192.168.1.11");
	store_in("192.168.1.13", 24, 5, "");
	assert_string_equal(remembered(),
			    "192.168.1.13 192.168.1.12 192.168.1.11 192.168.1.11 192.168.1.11");
}

/* A request has the addresses of networks with another SSID last. */
static void test_fill(void **state)
{
	struct address_history history;
	struct attach_record attach;

	store_in("192.168.1.9", 24, 1, "home");
	store_in("192.168.1.10", 24, 2, "cafe");
	store_in("10.0.0.7", 8, 0, "");
	address_history_load("web", 0, &history);
	memset(&attach, 0xee, sizeof(attach));
	address_history_fill(&history, "home", &attach);
	assert_true(ipv4_equal(attach.remembered[0], address("10.0.0.7")));
	assert_true(ipv4_equal(attach.remembered[1], address("192.168.1.9")));
	assert_int_equal(attach.remembered_routers[1].ether_addr_octet[5], 1);
	assert_true(ipv4_equal(attach.remembered[2], address("192.168.1.10")));
	assert_int_equal(attach.remembered_routers[2].ether_addr_octet[5], 2);
	assert_true(ipv4_unset(attach.remembered[3]));
	address_history_fill(&history, "", &attach);
	assert_true(ipv4_equal(attach.remembered[1], address("192.168.1.10")));
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
	{ "10.0.0.1 02:00:00:00:00:01\n", "" },
	{ "10.0.0.1 02:00:00:00:00:0x home\n", "" },
	{ "10.0.0.1 02:00:00:00:00:01 \n10.0.0.2 00:00:00:00:00:00 my home\n",
	  "10.0.0.1 10.0.0.2" },
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
		cmocka_unit_test_setup_teardown(test_identity, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_fill, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_unchanged, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_files, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_no_directory, setup, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
