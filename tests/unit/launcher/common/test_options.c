// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the options of good command lines and messages of bad ones.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "launcher/commands/command_table.h"
#include "launcher/common/options.h"
#include "netsetup/base/cleanup.h"

#define WORDS_MAX 160

struct line {
	char text[4096];
	char *words[WORDS_MAX + 1];
	int count;
};

/* Splits at single blanks; the parser may permute the words. */
static void split(struct line *line, const char *text)
{
	snprintf(line->text, sizeof(line->text), "vmrun%s%s", *text ? " " : "", text);
	line->count = 0;
	for (char *word = strtok(line->text, " "); word; word = strtok(NULL, " "))
		line->words[line->count++] = word;
	line->words[line->count] = NULL;
}

static int parse_words(int count, char **words, struct options *options, struct error *err)
{
	return options_parse(count, words, command_table, command_table_count, options, err);
}

static struct options parse(struct line *line, const char *text)
{
	struct options options;
	struct error err = { 0 };

	split(line, text);
	if (parse_words(line->count, line->words, &options, &err) < 0)
		fail_msg("%s: %s", text, err.message);
	return options;
}

static const struct good_case {
	const char *text;
	const char *command;
	const char *file; /* the first, or NULL */
	unsigned int file_count;
} goods[] = {
	{ "a.yaml", "run", "a.yaml", 1 },
	{ "run a.yaml", "run", "a.yaml", 1 },
	{ "run check", "run", "check", 1 },
	{ "./check", "run", "./check", 1 },
	{ "run -- -a.yaml", "run", "-a.yaml", 1 },
	{ "-- -a.yaml", "run", "-a.yaml", 1 },
	{ "check a b c", "check", "a", 3 },
	{ "check -q a", "check", "a", 1 },
	{ "print a", "print", "a", 1 },
	{ "print --format=argv a", "print", "a", 1 },
	{ "help", "help", NULL, 0 },
	{ "--help", "help", NULL, 0 },
	{ "-h check", "help", "check", 1 },
	{ "check --help", "help", "check", 1 },
	{ "ssh --help", "help", "ssh", 1 },
	{ "a.yaml --help", "help", NULL, 0 },
	{ "help check", "help", "check", 1 },
	{ "ls", "list", NULL, 0 },
	{ "ps", "list", NULL, 0 },
	{ "logs -f web", "log", "web", 1 },
	{ "log web -f", "log", "web", 1 },
	{ "-f json print a", "print", "a", 1 },
	{ "shell web", "ssh", "web", 1 },
	{ "ssh web -v -l me ls", "ssh", "web", 5 },
	{ "ssh --timeout=9 web uname -a", "ssh", "web", 3 },
	{ "console -e ^T web", "console", "web", 1 },
	{ "stop", "stop", NULL, 0 },
	{ "version", "version", NULL, 0 },
	{ "-V", "version", NULL, 0 },
	{ "--version", "version", NULL, 0 },
};

static void test_good(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(goods); i++) {
		struct line line;
		struct options options = parse(&line, goods[i].text);

		if (strcmp(options.command->name, goods[i].command) != 0)
			fail_msg("%s", goods[i].text);
		assert_int_equal(options.file_count, goods[i].file_count);
		if (goods[i].file)
			assert_string_equal(options.files[0], goods[i].file);
		assert_false(options.quiet && strcmp(options.command->name, "check") != 0);
		assert_false(options.verbose || options.dry_run);
		options_done(&options);
	}
}

static void test_flags(void **state)
{
	struct line line;
	struct options options = parse(&line, "-nv a.yaml -q");

	assert_true(options.dry_run && options.verbose && options.quiet);
	assert_string_equal(options.command->name, "run");
	options_done(&options);
	options = parse(&line, "--dry-run a.yaml --verbose");
	assert_true(options.dry_run && options.verbose && !options.quiet);
	options_done(&options);
	options = parse(&line, "print a -f json");
	assert_int_equal(options.format, PRINT_JSON);
	options_done(&options);
	options = parse(&line, "print a");
	assert_int_equal(options.format, PRINT_YAML);
	options_done(&options);
	options = parse(&line, "print --format argv a --format=yaml");
	assert_int_equal(options.format, PRINT_YAML);
	options_done(&options);
}

/* Overrides keep their order, with --uplink and --address, before and after the file. */
static void test_overrides(void **state)
{
	static const char *const expected[] = { "memory=1G", "network.uplink=wlan0",    "a.b=c=d",
						"",          "network.address=1.2.3.4", "cpus=4" };
	struct line line;
	struct options options = parse(&line,
				       "--set memory=1G --uplink=wlan0 a.yaml -s a.b=c=d --set= "
				       "--address 1.2.3.4 -scpus=4");

	assert_int_equal(options.override_count, ARRAY_SIZE(expected));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		assert_string_equal(options.overrides[i], expected[i]);
	options_done(&options);
	assert_int_equal(options.override_count, 0);
	options_done(&options);
}

/* Bad command lines and their messages; the status is STATUS_USAGE. */
static const struct {
	const char *text;
	const char *message;
} bads[] = {
	{ "", "'vmrun run' needs a definition file" },
	{ "run", "'vmrun run' needs a definition file" },
	{ "check", "'vmrun check' needs a definition file" },
	{ "print", "'vmrun print' needs a definition file" },
	{ "-v", "'vmrun run' needs a definition file" },
	{ "a b", "no command 'a'" },
	{ "a.yaml b", "'vmrun run' does not take 'b'" },
	{ "start web", "no command 'start'" },
	{ "start", "no command 'start'" },
	{ "rm web", "no command 'rm'" },
	{ "up", "no command 'up'" },
	{ "reset", "'vmrun reset' needs a VM's name" },
	{ "run a b", "'vmrun run' does not take 'b'" },
	{ "print a b", "'vmrun print' does not take 'b'" },
	{ "sotp tiny", "no command 'sotp'; did you mean 'stop'?" },
	{ "lisst", "no command 'lisst'; did you mean 'list'?" },
	{ "run sotp tiny", "'vmrun run' does not take 'tiny'" },
	{ "--nope a", "unknown option '--nope'" },
	{ "--detatch a", "unknown option '--detatch'; did you mean '--detach'?" },
	{ "--qiet=1 a", "unknown option '--qiet=1'; did you mean '--quiet'?" },
	{ "log -x a", "unknown option '-x'" },
	{ "console --escape=x a", "'--escape=x' is not none or a control key such as ^T" },
	{ "-x a", "unknown option '-x'" },
	{ "-vxq a", "unknown option '-x'" },
	{ "a -vx", "unknown option '-x'" },
	{ "-? a", "unknown option '-?'" },
	{ "-: a", "unknown option '-:'" },
	{ "--ver a", "unknown option '--ver'" },
	{ "a --set", "no value for option '--set'" },
	{ "a -vs", "no value for option '-s'" },
	{ "a -s", "no value for option '-s'" },
	{ "--quiet=yes a", "option '--quiet=yes' takes no value" },
	{ "print a -f xml", "'--format=xml' is not one of yaml, json and argv" },
	{ "list -f", "no value for option '-f'" },
	{ "print a -f", "no value for option '-f'" },
	{ "print -n a", "'--dry-run' is not an option of 'vmrun print'" },
	{ "check --uplink=e0 a", "'--uplink' is not an option of 'vmrun check'" },
	{ "check -v a", "'--verbose' is not an option of 'vmrun check'" },
	{ "--format=json a", "'--format' is not an option of 'vmrun run'" },
};

static void test_bad(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(bads); i++) {
		struct options options;
		struct error err = { 0 };
		struct line line;

		split(&line, bads[i].text);
		assert_int_equal(parse_words(line.count, line.words, &options, &err), -EINVAL);
		assert_string_equal(err.message, bads[i].message);
		assert_int_equal(err.status, STATUS_USAGE);
		options_done(&options);
	}
}

static void test_too_many(void **state)
{
	char text[4096] = "a";
	struct options options;
	struct error err = { 0 };
	struct line line;

	for (int i = 0; i < OPTIONS_OVERRIDES_MAX; i++)
		strcat(text, " -sa=b");
	options = parse(&line, text);
	assert_int_equal(options.override_count, OPTIONS_OVERRIDES_MAX);
	options_done(&options);
	strcat(text, " --uplink=x");
	split(&line, text);
	assert_int_equal(parse_words(line.count, line.words, &options, &err), -EINVAL);
	assert_int_equal(err.status, STATUS_USAGE);
	options_done(&options);
}

/* Before Linux 5.18, execve(2) accepted an empty argv. */
static void test_no_words(void **state)
{
	char *words[] = { NULL };
	struct options options;
	struct error err = { 0 };

	assert_int_equal(parse_words(0, words, &options, &err), -EINVAL);
	options_done(&options);
}

/* Each command and each option has a line, and no line is wider than a terminal. */
static void test_usage(void **state)
{
	static const char *const words[] = { "run ",      "check ",    "print ",   "help ",
					     "version ",  "-s, --set", "--uplink", "--address",
					     "--dry-run", "--verbose", "--quiet",  "--format" };
	cleanup_free char *text = NULL;
	size_t size = 0;
	const struct options options = { .commands = command_table,
					 .command_count = command_table_count };
	FILE *stream = open_memstream(&text, &size);

	assert_non_null(stream);
	options_usage(&options, stream);
	assert_int_equal(fclose(stream), 0);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strstr(text, words[i]))
			fail_msg("%s", words[i]);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		assert_true(strlen(line) <= 100);
}

/* The help of a command has its options, those of every command, and no others. */
static void test_help(void **state)
{
	static const char *const words[] = { "usage: vmrun log [OPTION...] NAME|FILE",
					     "logs",
					     "--follow",
					     "-f,",
					     "--raw",
					     "--help" };
	cleanup_free char *text = NULL;
	size_t size = 0;
	const struct options options = { .commands = command_table,
					 .command_count = command_table_count };
	FILE *stream = open_memstream(&text, &size);

	assert_true(options_help(&options, "logs", stream));
	assert_false(options_help(&options, "lo", stream));
	assert_int_equal(fclose(stream), 0);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strstr(text, words[i]))
			fail_msg("%s", words[i]);
	assert_null(strstr(text, "--format"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),      cmocka_unit_test(test_flags),
		cmocka_unit_test(test_overrides), cmocka_unit_test(test_bad),
		cmocka_unit_test(test_too_many),  cmocka_unit_test(test_no_words),
		cmocka_unit_test(test_usage),     cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
