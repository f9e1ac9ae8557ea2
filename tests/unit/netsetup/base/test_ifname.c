// SPDX-License-Identifier: GPL-2.0-or-later
// Checks names of interfaces and VMs, and the names of taps.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ifname.h"

static void test_ifname(void **state)
{
	static const char *const good[] = {
		"e",      "eth0",    "wlp3s0",          "eth0.100",
		"br-lan", "vmr-web", "enx0123456789ab", "a..b",
		"...",    "all1",    "Default",         "fifteen-letters"
	};
	static const char *const bad[] = {
		"",    ".",    "..",      "all",  "default",     "a/b",  "../x",
		"a b", "a\tb", "a\nb",    "a:b",  "a%d",         "a'b",  "a\"b",
		"a`b", "a\\b", "a\033[m", "\x7f", "caf\xc3\xa9", "\xff", "sixteen-letters-"
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(ifname_valid(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(ifname_valid(bad[i]));
}

/* A name in a record may lack its NUL. */
static void test_unterminated(void **state)
{
	cleanup_free char *ifname = malloc(IFNAMSIZ), *name = malloc(VM_NAME_SIZE);

	memset(ifname, 'a', IFNAMSIZ);
	memset(name, 'a', VM_NAME_SIZE);
	assert_false(ifname_valid(ifname));
	assert_false(vm_name_valid(name));
}

static void test_vm_name(void **state)
{
	static const char *const bad[] = { "",    "-",   "-a",  "a-",  "A",        "a_b",
					   "a.b", "a b", "a/b", "a\n", "\xc3\xa9", "../a" };
	char name[VM_NAME_SIZE + 1];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(vm_name_valid(bad[i]));
	assert_true(vm_name_valid("a"));
	assert_true(vm_name_valid("0"));
	assert_true(vm_name_valid("web-2--x"));

	memset(name, 'a', sizeof(name));
	name[VM_NAME_SIZE] = '\0';
	assert_false(vm_name_valid(name));
	name[VM_NAME_SIZE - 1] = '\0';
	assert_true(vm_name_valid(name));
}

static void test_tap_name(void **state)
{
	char longest[VM_NAME_SIZE], a[IFNAMSIZ], b[IFNAMSIZ];

	ifname_of_tap(0, "debian", 0, a);
	assert_string_equal(a, "vmr-debian");
	ifname_of_tap(0, "elevenchars", 0, a);
	assert_string_equal(a, "vmr-elevenchars");

	/* The name must never change between machines and versions: users know the tap by it. */
	ifname_of_tap(0, "twelve-chars", 0, a);
	assert_memory_equal(a, "vmr-twel-", 9);
	assert_int_equal(strlen(a), 15);
	assert_int_equal(strspn(a + 9, "0123456789abcdef"), 6);
	ifname_of_tap(0, "twelve-chars", 0, b);
	assert_string_equal(a, b);
	ifname_of_tap(0, "twelve-charz", 0, b);
	assert_string_not_equal(a, b);

	memset(longest, 'z', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	ifname_of_tap(0, longest, 0, a);
	assert_true(ifname_valid(a));
	ifname_of_tap(4294967294, longest, 0, b);
	assert_true(ifname_valid(b));
	assert_string_not_equal(a, b);
}

/* Only user 0 gets the plain name, and no two users get the same one. */
static void test_tap_name_of_users(void **state)
{
	char a[IFNAMSIZ], b[IFNAMSIZ];

	ifname_of_tap(1000, "web", 0, a);
	assert_memory_equal(a, "vmr-web-", 8);
	assert_int_equal(strlen(a), 14);
	assert_int_equal(strspn(a + 8, "0123456789abcdef"), 6);
	ifname_of_tap(1000, "web", 0, b);
	assert_string_equal(a, b);
	ifname_of_tap(1001, "web", 0, b);
	assert_string_not_equal(a, b);
	ifname_of_tap(1000, "webs", 0, b);
	assert_string_not_equal(a, b);
	/* Other cards have names of their own, also where card 0 has the plain one. */
	ifname_of_tap(1000, "web", 1, b);
	assert_string_not_equal(a, b);
	ifname_of_tap(0, "web", 1, a);
	assert_memory_equal(a, "vmr-web-", 8);
	assert_string_not_equal(a, b);
	ifname_of_tap(0, "web", 2, b);
	assert_string_not_equal(a, b);
	/* The number and the name do not run together. */
	ifname_of_tap(1, "1web", 0, a);
	ifname_of_tap(11, "web", 0, b);
	assert_string_not_equal(a + 9, b + 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ifname),
		cmocka_unit_test(test_unterminated),
		cmocka_unit_test(test_vm_name),
		cmocka_unit_test(test_tap_name),
		cmocka_unit_test(test_tap_name_of_users),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
