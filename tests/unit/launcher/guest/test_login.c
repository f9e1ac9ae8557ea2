// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the guest's login name, from the host's user or ssh's arguments.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "launcher/guest/login.h"
#include "launcher/guest/ssh.h"
#include "launcher/yaml/scalar.h"
#include "netsetup/base/cleanup.h"

static void test_user(void **state)
{
	static const struct {
		const char *login;
		const char *expected;
	} cases[] = {
		{ "me", "me" },
		{ "root", "root" },
		{ "_apt", "_apt" },
		{ "a-b_c9", "a-b_c9" },
		{ "Ann.Lee@example.org", "ann_lee" },
		{ "EXAMPLE\\ann", "ann" },
		{ "a\\b\\c", "c" },
		{ "ann lee", "ann_lee" },
		{ "9lives", "_9lives" },
		{ "-x", "_x" },
		{ "machine$", "machine_" },
		{ "x\": [\n", "x_____" },
		{ "abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghijklmnopqrstuvwxyz012345" },
		{ "0123456789012345678901234567890123456789", "user" },
		{ "\303\251lan", "__lan" },
		{ "\346\262\226\347\270\204", "user" },
		{ "@example.org", "user" },
		{ "1000", "user" },
		{ "---", "user" },
		{ "", "user" },
		{ NULL, "user" },
	};
	char user[LOGIN_USER_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		login_user(cases[i].login, user);
		assert_string_equal(user, cases[i].expected);
		assert_true(scalar_user(user));
	}
}

/* For any name of a host's user, the guest's useradd(8) accepts the result. */
static void test_any_user(void **state)
{
	char login[4] = "", user[LOGIN_USER_SIZE];

	for (int i = 1; i < 256; i++) {
		for (int k = 1; k < 256; k++) {
			login[0] = (char)i;
			login[1] = (char)k;
			login[2] = (char)(i ^ k);
			login_user(login, user);
			assert_true(scalar_user(user));
		}
	}
}

/* Calls ssh_names_user() with the words of a line. */
static bool names_user(const char *line)
{
	char copy[128];
	char *args[8], *rest = copy;
	unsigned int count = 0;

	snprintf(copy, sizeof(copy), "%s", line);
	while (count < ARRAY_SIZE(args) && (args[count] = strsep(&rest, " ")))
		count++;
	return ssh_names_user(args, count);
}

/* ssh's options end at the remote command. */
static void test_names_user(void **state)
{
	assert_false(ssh_names_user(NULL, 0));
	assert_true(names_user("-l root"));
	assert_true(names_user("-lroot"));
	assert_true(names_user("-v -p 22 -tl root ls"));
	assert_true(names_user("-oUser=root"));
	assert_true(names_user("-nvo user=root"));
	assert_true(names_user("-L -l -l root"));
	assert_true(names_user("-l"));
	assert_false(names_user("ls -l"));
	assert_false(names_user("-t ls -l -oUser=x"));
	assert_false(names_user("-- -l"));
	assert_false(names_user("- -l"));
	assert_false(names_user("-p -l"));
	assert_false(names_user("-oPort=22 -o UserKnownHostsFile=x -oUser"));
	assert_false(names_user("-pl -ol"));
	assert_false(names_user("-o"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_user),
		cmocka_unit_test(test_any_user),
		cmocka_unit_test(test_names_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
