// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the growth of an argument vector and its quoting.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "launcher/common/argv.h"
#include "netsetup/base/cleanup.h"

static void assert_quoted(const char *item, const char *expected)
{
	struct argv argv = { 0 };
	cleanup_free char *line = NULL;

	argv_add(&argv, "x", item, NULL);
	line = argv_quoted(&argv);
	assert_non_null(line);
	assert_string_equal(line + 2, expected);
	assert_string_equal(ARGV_WORD(item), expected);
	argv_done(&argv);
}

static void test_grow(void **state)
{
	struct argv argv = { 0 };
	char text[16];

	for (int i = 0; i < 1000; i++)
		argv_addf(&argv, "%d", i);
	argv_add(&argv, "a", "", "b", NULL);
	assert_int_equal(argv.failed, 0);
	assert_int_equal(argv.count, 1003);
	assert_null(argv.items[1003]);
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "%d", i);
		assert_string_equal(argv.items[i], text);
	}
	assert_string_equal(argv.items[1001], "");
	argv_done(&argv);
	assert_null(argv.items);
	assert_int_equal(argv.count, 0);
	argv_done(&argv);
}

static void test_quoted(void **state)
{
	struct argv none = { 0 };
	cleanup_free char *line = argv_quoted(&none);

	assert_string_equal(line, "");
	assert_quoted("-device", "-device");
	assert_quoted("virtio-net-pci,mac=52:54:00:00:00:01",
		      "virtio-net-pci,mac=52:54:00:00:00:01");
	assert_quoted("", "''");
	assert_quoted("a b", "'a b'");
	assert_quoted("it's", "'it'\\''s'");
	assert_quoted("$HOME `id` \"x\"", "'$HOME `id` \"x\"'");
	assert_quoted("~/x", "'~/x'");
	assert_quoted("#x", "'#x'");
	assert_quoted("a\nb", "$'a\\012b'");
	assert_quoted("\033[2J'\\", "$'\\033[2J\\'\\\\'");
	assert_quoted("größe", "'größe'");
}

/* A first word with '=' would be an assignment, not a command. */
static void test_quoted_first(void **state)
{
	struct argv argv = { 0 };
	cleanup_free char *line = NULL;

	argv_add(&argv, "A=b", "C=d", NULL);
	line = argv_quoted(&argv);
	assert_string_equal(line, "'A=b' C=d");
	argv_done(&argv);
}

/* Bash, which supports $'...', parses the words and prints each with a NUL after it. */
static void test_shell(void **state)
{
	static const char *const nasty[] = {
		"plain", "",     "a b",    "'",  "''", "\\", "\\'", "$(id)", "`id`", "a\tb", "a\nb",
		"\001",  "\177", "\0331m", "!x", "*",  "?",  "[a]", "{a,b}", "~",    "#",    "a;b",
		"a&b",   "a|b",  "<",      ">",  "\"", "ü",  "%s",  "-n",    "=",
	};
	struct argv argv = { 0 };
	cleanup_free char *line = NULL;
	char read_back[256];
	FILE *shell;

	if (system("bash -c : 2>/dev/null") != 0)
		skip();
	argv_add(&argv, "bash", "-c", "printf '%s\\0' \"$@\"", "bash", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(nasty); i++)
		argv_add(&argv, nasty[i], NULL);
	line = argv_quoted(&argv);
	setenv("LINE", line, 1);
	shell = popen("exec bash -c \"$LINE\"", "r");
	assert_non_null(shell);
	for (size_t i = 0; i < ARRAY_SIZE(nasty); i++) {
		size_t at = 0;
		int byte;

		while ((byte = fgetc(shell)) > 0)
			read_back[at++] = (char)byte;
		read_back[at] = '\0';
		assert_string_equal(read_back, nasty[i]);
	}
	assert_int_equal(fgetc(shell), EOF);
	assert_int_equal(pclose(shell), 0);
	argv_done(&argv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grow),
		cmocka_unit_test(test_quoted),
		cmocka_unit_test(test_quoted_first),
		cmocka_unit_test(test_shell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
