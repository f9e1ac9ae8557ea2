// SPDX-License-Identifier: GPL-2.0-or-later
// Tests UTF-8, text safe for a terminal, and suggestions for typing errors.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/common/text.h"
#include "netsetup/base/cleanup.h"

static void test_decode(void **state)
{
	static const char *const wrong[] = {
		"\x80",
		"\xc3",
		"\xc0\x80",
		"\xc1\xbf",
		"\xe0\x80\x80",
		"\xe2\x82",
		"\xed\xa0\x80",
		"\xf0\x80\x80\x80",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xff",
		"\xc3(",
	};
	uint32_t character = 7;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(text_decode(wrong[i], strlen(wrong[i]), &character), 0);
	assert_int_equal(text_decode("x", 0, &character), 0);
	assert_int_equal(character, 7);
	assert_int_equal(text_decode("x", 1, &character), 1);
	assert_int_equal(character, 'x');
	assert_int_equal(text_decode("\xc3\xa4", 2, &character), 2);
	assert_int_equal(character, 0xe4);
	assert_int_equal(text_decode("\xe2\x82\xac", 3, &character), 3);
	assert_int_equal(character, 0x20ac);
	assert_int_equal(text_decode("\xf0\x9f\x98\x80", 4, &character), 4);
	assert_int_equal(character, 0x1f600);
	assert_int_equal(text_decode("\xf4\x8f\xbf\xbf", 4, &character), 4);
	assert_int_equal(character, 0x10ffff);
}

static void expect_written(const char *bytes, size_t size, const char *expected)
{
	cleanup_free char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	assert_int_equal(text_write(out, bytes, size), strlen(expected));
	fclose(out);
	assert_string_equal(text, expected);
}

static void test_write(void **state)
{
	expect_written("plain \xc3\xa4", 8, "plain \xc3\xa4");
	expect_written("a\x1b[31mb\a", 8, "a\\x1b[31mb\\x07");
	expect_written("\t\n\r", 3, "\\t\\n\\x0d");
	expect_written("a\0b", 3, "a\\x00b");
	expect_written("\xc2\x9b"
		       "31m",
		       5, "\\x9b31m");
	expect_written("\xff\xc3", 2, "\\xff\\xc3");
	expect_written("\xe2\x80\xae", 3, "\\u202e");
	expect_written("\xf3\xa0\x81\x81", 4, "\\ue0041");
}

static void test_short(void **state)
{
	char text[100], cut[TEXT_SHORT_SIZE];

	assert_string_equal(text_short("whole", cut), "whole");
	memset(text, 'x', sizeof(text));
	text[TEXT_SHORT_SIZE - 1] = '\0';
	assert_string_equal(text_short(text, cut), text);
	text[TEXT_SHORT_SIZE - 1] = 'x';
	memcpy(text + TEXT_SHORT_SIZE - 5, "\xc3\xa4", 2);
	text[99] = '\0';
	assert_int_equal(strlen(text_short(text, cut)), TEXT_SHORT_SIZE - 5 + 3);
	assert_string_equal(cut + TEXT_SHORT_SIZE - 5, "...");
}

static void test_clean(void **state)
{
	assert_true(text_clean("", ""));
	assert_true(text_clean("a \xc3\xa4 \xe2\x80\x8d", ""));
	assert_false(text_clean("a\nb", ""));
	assert_true(text_clean("a\nb", "\n"));
	assert_false(text_clean("a\tb", "\n"));
	assert_false(text_clean("\x7f", ""));
	assert_false(text_clean("\xc2\x85", ""));
	assert_false(text_clean("\xe2\x80\xa8", ""));
	assert_false(text_clean("\xff", ""));
}

static void test_width(void **state)
{
	assert_int_equal(text_width('x'), 1);
	assert_int_equal(text_width(0xe4), 1);
	assert_int_equal(text_width(0x30c7), 2);
	assert_int_equal(text_width(0x0301), 0);
}

static void test_nearest(void **state)
{
	static const char *const words[] = { "memory", "machine", "cpus", "network", "name", "on" };
	static const struct {
		const char *text;
		const char *nearest;
	} rows[] = {
		{ "memroy", "memory" },
		{ "Memory", "memory" },
		{ "memmory", "memory" },
		{ "memor", "memory" },
		{ "cpu", "cpus" },
		{ "netwrok", "network" },
		{ "neme", "name" },
		{ "x", NULL },
		{ "", NULL },
		{ "disks", NULL },
		{ "memoryxxx", NULL },
		{ "a-word-that-is-longer-than-any-key-of-ours", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *nearest = text_nearest(rows[i].text, words, ARRAY_SIZE(words),
						   sizeof(*words));

		if (rows[i].nearest)
			assert_string_equal(nearest, rows[i].nearest);
		else
			assert_null(nearest);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode), cmocka_unit_test(test_write),
		cmocka_unit_test(test_short),  cmocka_unit_test(test_clean),
		cmocka_unit_test(test_width),  cmocka_unit_test(test_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
