// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the choice of servers and domains from the files resolv.conf.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "launcher/lan/dns.h"
#include "launcher/yaml/scalar.h"
#include "netsetup/base/ipv4.h"
#include "tests/unit/support/scratch.h"

#define RESOLVED "run/systemd/resolve/resolv.conf"
#define MANAGER  "run/NetworkManager/no-stub-resolv.conf"
#define ETC      "etc/resolv.conf"

/* Compares the found servers with "A B C". */
static void assert_servers(const char *router, const char *expected)
{
	char found[DNS_MAX * IPV4_TEXT_SIZE + 1] = "";
	char text[IPV4_TEXT_SIZE];
	struct in_addr dns[DNS_MAX];
	struct in_addr address = { 0 };
	unsigned int count;

	if (router)
		assert_true(ipv4_parse(router, &address));
	count = dns_find(scratch, address, dns);
	assert_true(count <= DNS_MAX);
	for (unsigned int i = 0; i < count; i++) {
		strcat(found, i ? " " : "");
		strcat(found, ipv4_text(dns[i], text));
	}
	assert_string_equal(found, expected);
}

static void test_order(void **state)
{
	scratch_text(ETC, "nameserver 10.0.0.3\n");
	assert_servers("10.0.0.9", "10.0.0.3");
	scratch_text(MANAGER, "nameserver 10.0.0.2\n");
	assert_servers("10.0.0.9", "10.0.0.2");
	scratch_text(RESOLVED, "nameserver 10.0.0.1\n");
	assert_servers("10.0.0.9", "10.0.0.1");
	scratch_text(RESOLVED, "nameserver 127.0.0.53\nnameserver fe80::1%2\n");
	assert_servers("10.0.0.9", "10.0.0.2");
}

static void test_none(void **state)
{
	assert_servers("10.0.0.9", "10.0.0.9");
	assert_servers(NULL, "");
	scratch_text(ETC, "nameserver 127.0.0.1\nnameserver 127.1.2.3\nnameserver 0.0.0.0\n"
			  "nameserver ::1\nnameserver 224.0.0.1\nnameserver 255.255.255.255\n");
	assert_servers("10.0.0.9", "10.0.0.9");
}

static void test_lines(void **state)
{
	scratch_text(ETC, "# nameserver 10.0.0.1\n;nameserver 10.0.0.2\n"
			  "nameservers 10.0.0.3\nnameserver10.0.0.4\nsearch 10.0.0.5\n"
			  " nameserver 10.0.0.6\nnameserver\nnameserver \n"
			  "nameserver\t 10.0.0.7 # trailing\r\nnameserver 10.0.0.7\n"
			  "nameserver 10.0.0.8\r\nnameserver 10.0.0.256\nnameserver 010.0.0.1\n"
			  "nameserver 10.0.0.9");
	assert_servers(NULL, "10.0.0.7 10.0.0.8 10.0.0.9");
}

static void test_many(void **state)
{
	scratch_text(ETC, "nameserver 1.0.0.1\nnameserver 1.0.0.1\nnameserver 1.0.0.2\n"
			  "nameserver 1.0.0.3\nnameserver 1.0.0.4\nnameserver 1.0.0.5\n");
	assert_servers(NULL, "1.0.0.1 1.0.0.2 1.0.0.3");
}

/* The limit cuts the file in the middle of an address: "10.0.0.1" is not "10.0.0.11". */
static void test_huge(void **state)
{
	static char text[70000];
	static const char last[] = "\nnameserver 10.0.0.11\n";

	memset(text, '#', sizeof(text));
	memcpy(text + 65536 - strlen(last) + 2, last, strlen(last));
	scratch_write(ETC, text, sizeof(text));
	assert_servers("10.0.0.9", "10.0.0.9");

	memset(text, 'x', sizeof(text));
	scratch_write(ETC, text, sizeof(text));
	assert_servers("10.0.0.9", "10.0.0.9");

	memcpy(text, "nameserver 10.0.0.1\n", 20);
	scratch_write(ETC, text, sizeof(text));
	assert_servers("10.0.0.9", "10.0.0.1");
}

static void test_hostile(void **state)
{
	scratch_write(ETC, "nameserver 10.0.0.1\0\nnameserver 10.0.0.2\n", 42);
	assert_servers("10.0.0.9", "10.0.0.1");
	scratch_write(ETC, "", 0);
	assert_servers("10.0.0.9", "10.0.0.9");
	unlink(scratch_path(ETC));
	assert_int_equal(mkfifo(scratch_path(ETC), 0600), 0);
	assert_servers("10.0.0.9", "10.0.0.9");
	unlink(scratch_path(ETC));
	assert_int_equal(mkdir(scratch_path(ETC), 0700), 0);
	assert_servers("10.0.0.9", "10.0.0.9");
	rmdir(scratch_path(ETC));
	assert_int_equal(symlink("/dev/zero", scratch_path(ETC)), 0);
	assert_servers("10.0.0.9", "10.0.0.9");
}

static void assert_search(const char *expected)
{
	char found[DNS_SEARCH_MAX * DNS_NAME_SIZE] = "";
	char search[DNS_SEARCH_MAX][DNS_NAME_SIZE];
	const unsigned int count = dns_find_search(scratch, search);

	assert_true(count <= DNS_SEARCH_MAX);
	for (unsigned int i = 0; i < count; i++) {
		assert_true(scalar_domain(search[i]));
		strcat(found, i ? " " : "");
		strcat(found, search[i]);
	}
	assert_string_equal(found, expected);
}

/* Domains come from the file with the servers, or else from the first that has any. */
static void test_search_order(void **state)
{
	assert_search("");
	scratch_text(ETC, "nameserver 127.0.0.1\nsearch etc.test\n");
	assert_search("etc.test");
	scratch_text(MANAGER, "nameserver 127.0.0.1\nsearch manager.test\n");
	assert_search("manager.test");
	scratch_text(ETC, "nameserver 10.0.0.1\nsearch etc.test\n");
	assert_search("etc.test");
	scratch_text(RESOLVED, "nameserver 10.0.0.1\nsearch .\n");
	assert_search("");
}

static void test_search_lines(void **state)
{
	scratch_text(ETC,
		     "nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\n"
		     "#search a.test\n search b.test\nsearchx c.test\nsearch\tlan.test.  home\r\n");
	assert_search("lan.test home");
	scratch_text(ETC, "search a.test b.test\ndomain c.test\n");
	assert_search("c.test");
	scratch_text(ETC, "domain c.test\nsearch a.test b.test\nsearch\n");
	assert_search("a.test b.test");
	scratch_text(ETC,
		     "search a.test A.test a.test. b 1.2.3.4 $(id) a;b ~. b ../c -d d- e..f g");
	assert_search("a.test b g");
	scratch_text(ETC, "search 1 a a2 a3 a4 a5 a6 a7 a8\n");
	assert_search("a a2 a3 a4 a5 a6");
}

static void test_domain(void **state)
{
	static const char *const wrong[] = {
		"",     "a.",       "..",  ".a",  "a..b", "-a",  "a-",       "a.-b",
		"a-.b", "a_b",      "a b", "a\n", "a\\b", "a/b", "\xc3\xa4", "10",
		"a.1",  "10.0.0.1", "a'",  "a\"", "$a",   "a;",
	};
	static const char *const right[] = { "a",    "lan", "a-b.c", "1a.b2", "xn--4ca.test",
					     "3.4a", "A.B" };
	char text[300];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(scalar_domain(wrong[i]));
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		assert_true(scalar_domain(right[i]));
	for (size_t size = 1; size < sizeof(text); size++) {
		memset(text, 'a', size);
		text[size] = '\0';
		assert_int_equal(scalar_domain(text), size <= 63);
		for (size_t dot = 1; dot + 1 < size; dot += 2)
			text[dot] = '.';
		assert_int_equal(scalar_domain(text), size <= 253);
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_order),        CASE(test_none),         CASE(test_lines),
		CASE(test_many),         CASE(test_huge),         CASE(test_hostile),
		CASE(test_search_order), CASE(test_search_lines), CASE(test_domain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
