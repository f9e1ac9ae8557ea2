// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the command line by the table of commands and the table of options.
#ifndef LAUNCHER_COMMON_OPTIONS_H
#define LAUNCHER_COMMON_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "launcher/common/command.h"
#include "netsetup/base/error.h"

#define OVERRIDES_MAX 64

/* Each option, for the column of the table of commands. */
enum option_bit {
	OPTION_SET = 1u << 0,
	OPTION_UPLINK = 1u << 1,
	OPTION_ADDRESS = 1u << 2,
	OPTION_ACCEPT_DIGEST = 1u << 3,
	OPTION_LOCKED = 1u << 4,
	OPTION_DRY_RUN = 1u << 5,
	OPTION_VERBOSE = 1u << 6,
	OPTION_QUIET = 1u << 7,
	OPTION_FORMAT = 1u << 8,
	OPTION_DETACH = 1u << 9,
	OPTION_WAIT = 1u << 10,
	OPTION_JSON = 1u << 11,
	OPTION_NOW = 1u << 12,
	OPTION_TIMEOUT = 1u << 13,
	OPTION_WORDS = 1u << 14,
	OPTION_PASSED = 1u << 15, /* what follows the first operand is an operand */
	OPTION_ANY = 1u << 16,    /* every option is accepted and ignored */
};

enum print_format {
	PRINT_YAML,
	PRINT_JSON,
	PRINT_ARGV, /* the QEMU command */
};

/* What 'run --detach' waits for. */
enum wait_for {
	WAIT_LAN, /* the VM has its place on the LAN */
	WAIT_SSH, /* the guest accepts connections to port 22 */
};

/**
 * struct options - what the user asked for.
 * @commands, @command_count: the table of commands.
 * @command: its row.
 * @files, @file_count: the operands, at least one for run (exactly one), check and print (one).
 * @overrides, @override_count: "KEY.PATH=VALUE" in the order given; --uplink and --address too.
 * @format: of print.
 * @quiet: print errors only.
 * @verbose: show each change to the host.
 * @accept_digest: tell the digests of images that have none, instead of refusing them.
 * @locked: insist on the definition's lock file.
 * @dry_run: show each change and the QEMU command, change nothing.
 * @detach: return when the VM is on the LAN, and let it run.
 * @wait: what for.
 * @json: for programs.
 * @now: do not ask the guest.
 * @words: print the words of command lines, not the usage text.
 * @timeout: seconds that it has to power off; negative for the definition's.
 */
struct options {
	const struct command *commands;
	size_t command_count;
	const struct command *command;
	char **files;
	unsigned int file_count;
	char *overrides[OVERRIDES_MAX];
	unsigned int override_count;
	enum print_format format;
	bool quiet;
	bool verbose;
	bool accept_digest;
	bool locked;
	bool dry_run;
	bool detach;
	enum wait_for wait;
	bool json;
	bool now;
	bool words;
	int timeout;
};

/**
 * options_parse() - read the command line.
 * @argc, @argv: main's; may be permuted.
 * @commands, @count: the table of commands, with rows "help" and "version"; the first row is the
 *                    default.
 * @options: the result; free it with options_done(), also after a failure.
 * @err: STATUS_USAGE.
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int options_parse(int argc, char **argv, const struct command *commands, size_t count,
		  struct options *options, struct error *err);

void options_done(struct options *options);

/* options_usage() - write the usage text; options->commands has the table. */
void options_usage(const struct options *options, FILE *stream);

/**
 * options_words() - write a line for each word: the word, its help text, its argument.
 * @options: has the table of commands.
 * @command: its options are written; or NULL for all commands and all options.
 */
void options_words(const struct options *options, const char *command, FILE *stream);

#endif
