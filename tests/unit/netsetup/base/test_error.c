// SPDX-License-Identifier: GPL-2.0-or-later
// Fills errors and checks their texts, statuses and truncation.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "netsetup/base/error.h"

/* Larger than each text of an error. */
#define LONG_SIZE 3000

static char long_text[LONG_SIZE];

static int fill_long_text(void **state)
{
	memset(long_text, 'x', sizeof(long_text) - 1);
	return 0;
}

static void assert_cut(const char *text, size_t size)
{
	assert_int_equal(strnlen(text, size), size - 1);
	assert_string_equal(text + size - 4, "...");
}

static void test_set(void **state)
{
	struct error err;

	memset(&err, 0x55, sizeof(err));
	assert_int_equal(error_set_errno(&err, ENOENT, "cannot open '%s'", "x"), -ENOENT);
	assert_int_equal(err.code, ENOENT);
	assert_int_equal(err.status, STATUS_FAILURE);
	assert_string_equal(err.message, "cannot open 'x': No such file or directory");
	assert_string_equal(err.remedy, "");

	error_set_errno(&err, EPERM, "x");
	assert_int_equal(err.status, STATUS_PERMISSION);
	error_set_errno(&err, EACCES, "x");
	assert_int_equal(err.status, STATUS_PERMISSION);
}

static void test_setf(void **state)
{
	struct error err;

	assert_int_equal(error_setf(&err, STATUS_NETWORK, ENODEV, "no %d%%", 5), -ENODEV);
	assert_int_equal(err.code, ENODEV);
	assert_int_equal(err.status, STATUS_NETWORK);
	assert_string_equal(err.message, "no 5%");
	assert_string_equal(err.remedy, "");
}

static void test_remedy(void **state)
{
	struct error err;

	error_setf(&err, STATUS_USAGE, EINVAL, "x");
	error_remedy(&err, "try '%s'", "a");
	assert_string_equal(err.remedy, "try 'a'");
	error_remedy(&err, "100%% or b");
	assert_string_equal(err.remedy, "try 'a'\n100% or b");
	assert_string_equal(err.message, "x");
	error_set_errno(&err, EIO, "y");
	assert_string_equal(err.remedy, "");
}

static void test_context(void **state)
{
	struct error err;

	error_set_errno(&err, EPERM, "cannot write '%s'", "%s%n");
	error_remedy(&err, "do");
	error_context(&err, "vm '%s'", "web");
	assert_string_equal(err.message, "vm 'web': cannot write '%s%n': Operation not permitted");
	assert_string_equal(err.remedy, "do");
	assert_int_equal(err.status, STATUS_PERMISSION);
	assert_int_equal(err.code, EPERM);
}

static void test_too_long(void **state)
{
	struct error err;

	error_set_errno(&err, EIO, "%s", long_text);
	assert_cut(err.message, sizeof(err.message));
	error_setf(&err, STATUS_FAILURE, EIO, "%s", long_text);
	assert_cut(err.message, sizeof(err.message));
	error_setf(&err, STATUS_FAILURE, EIO, "x");
	error_context(&err, "%s", long_text);
	assert_cut(err.message, sizeof(err.message));
	error_context(&err, "y");
	assert_cut(err.message, sizeof(err.message));
	error_remedy(&err, "%s", long_text);
	assert_cut(err.remedy, sizeof(err.remedy));
	error_remedy(&err, "more");
	assert_cut(err.remedy, sizeof(err.remedy));
}

/* The longest text that fits, and one character more. */
static void test_edge(void **state)
{
	const int room = ERROR_MESSAGE_SIZE - 1;
	struct error err;

	error_setf(&err, STATUS_FAILURE, EIO, "%.*s", room, long_text);
	assert_int_equal(strlen(err.message), room);
	assert_string_equal(err.message + room - 3, "xxx");
	error_setf(&err, STATUS_FAILURE, EIO, "%.*s", room + 1, long_text);
	assert_cut(err.message, sizeof(err.message));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),      cmocka_unit_test(test_setf),
		cmocka_unit_test(test_remedy),   cmocka_unit_test(test_context),
		cmocka_unit_test(test_too_long), cmocka_unit_test(test_edge),
	};

	return cmocka_run_group_tests(tests, fill_long_text, NULL);
}
