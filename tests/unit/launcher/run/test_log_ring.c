// SPDX-License-Identifier: GPL-2.0-or-later
// Tests that a log keeps the last lines of a guest and stays within its bounds.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "launcher/run/log_ring.h"
#include "netsetup/base/cleanup.h"
#include "tests/unit/support/scratch.h"

#define FILE_PATH "vmrun/web/" LOG_RING_FILE
#define OLD_PATH  "vmrun/web/" LOG_RING_OLD_FILE

#define LINE 64

static int setup(void **state)
{
	return scratch_setup(state) || setenv("XDG_STATE_HOME", scratch, 1);
}

static off_t size_of(const char *name)
{
	struct stat status;

	return stat(scratch_path(name), &status) == 0 ? status.st_size : -1;
}

static void write_line(struct log_ring *ring, unsigned int number)
{
	char line[LINE + 1];

	snprintf(line, sizeof(line), "%*u\n", LINE - 1, number);
	log_ring_write(ring, line, LINE);
}

/* Reads the number in the first line of a file. */
static unsigned int first_of(const char *name)
{
	cleanup_file FILE *file = fopen(scratch_path(name), "re");
	unsigned int number = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%u", &number), 1);
	return number;
}

static void test_bounded(void **state)
{
	const unsigned int lines = LOG_RING_FILE_SIZE / LINE;
	struct error err;
	struct log_ring *ring = log_ring_open("web", &err);

	assert_non_null(ring);
	for (unsigned int i = 0; i < lines; i++)
		write_line(ring, i);
	assert_int_equal(size_of(FILE_PATH), LOG_RING_FILE_SIZE);
	assert_int_equal(size_of(OLD_PATH), -1);
	for (unsigned int i = lines; i < 3 * lines + 1; i++)
		write_line(ring, i);
	assert_int_equal(size_of(OLD_PATH), LOG_RING_FILE_SIZE);
	assert_int_equal(first_of(OLD_PATH), 2 * lines);
	assert_int_equal(first_of(FILE_PATH), 3 * lines);
	assert_int_equal(size_of(FILE_PATH), LINE);
	log_ring_close(ring);

	ring = log_ring_open("web", &err);
	assert_int_equal(size_of(FILE_PATH), 0);
	assert_int_equal(size_of(OLD_PATH), -1);
	log_ring_close(ring);
}

/* Another file of the name "log.1" that cannot be replaced is no reason to grow. */
static void test_bounded_without_rename(void **state)
{
	struct error err;
	struct log_ring *ring = log_ring_open("web", &err);

	assert_non_null(ring);
	assert_int_equal(mkdir(scratch_path(OLD_PATH), 0700), 0);
	for (unsigned int i = 0; i <= LOG_RING_FILE_SIZE / LINE; i++)
		write_line(ring, i);
	assert_int_equal(size_of(FILE_PATH), LINE);
	log_ring_close(ring);
}

static void test_nothing(void **state)
{
	log_ring_write(NULL, "x", 1);
	log_ring_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_bounded, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_bounded_without_rename, setup,
						scratch_teardown),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
