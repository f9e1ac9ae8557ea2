// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the command line by the table of commands and the table of options.
#ifndef LAUNCHER_COMMON_OPTIONS_H
#define LAUNCHER_COMMON_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "launcher/common/command.h"
#include "netsetup/base/error.h"
#include "netsetup/base/vm_name.h"

#define OPTIONS_OVERRIDES_MAX 64

/* Values of struct options.escape: Ctrl-], the default, and no key at all. */
#define OPTIONS_ESCAPE    0x1d
#define OPTIONS_NO_ESCAPE (-1)

/* The options that a command accepts, as bits of struct command. */
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
	OPTION_PASSED = 1u << 15, /* every word after the first operand is an operand */
	OPTION_ANY = 1u << 16,    /* every option is accepted and ignored */
	OPTION_FOLLOW = 1u << 17,
	OPTION_RAW = 1u << 18,
	OPTION_ESCAPE = 1u << 19,
	OPTION_YES = 1u << 20,
	OPTION_AS_ROOT = 1u << 21,
};

enum print_format {
	PRINT_YAML,
	PRINT_JSON,
	PRINT_ARGV, /* the QEMU command */
};

/* The event that 'run --detach' waits for. */
enum wait_for {
	WAIT_LAN, /* the VM is on the LAN */
	WAIT_SSH, /* the guest accepts connections to port 22 */
};

/**
 * struct options - the parsed command line.
 * @commands, @command_count: the table of commands.
 * @command: the row of the command to run.
 * @files, @file_count: the operands, as many as @command allows.
 * @overrides, @override_count: "KEY.PATH=VALUE" of --set, --uplink and --address, in their order.
 * @format: output format of print.
 * @quiet: print errors only.
 * @verbose: show each change to the host.
 * @accept_digest: print the digests of images that have none, instead of refusing these images.
 * @locked: require the definition's lock file.
 * @dry_run: show each change and the QEMU command, change nothing.
 * @detach: return when the VM is on the LAN and leave it running.
 * @wait: the event to wait for before detaching.
 * @as_root: if root itself calls, keep root's rights.
 * @json: print JSON.
 * @now: stop the VM without asking the guest to power off.
 * @yes: do not ask before removing files.
 * @words: print the words for completion, not the usage text.
 * @follow: print the lines that come to the log.
 * @raw: print the log as the guest wrote it.
 * @escape: the control character that detaches from a console, or OPTIONS_NO_ESCAPE.
 * @timeout: seconds to wait, for power-off or for the SSH server; negative: use the default.
 * @vm: the name of the VM that the first operand names, for commands with the operand NAME.
 */
struct options {
	const struct command *commands;
	size_t command_count;
	const struct command *command;
	char **files;
	unsigned int file_count;
	char *overrides[OPTIONS_OVERRIDES_MAX];
	unsigned int override_count;
	enum print_format format;
	bool quiet;
	bool verbose;
	bool accept_digest;
	bool locked;
	bool dry_run;
	bool detach;
	enum wait_for wait;
	bool as_root;
	bool json;
	bool now;
	bool yes;
	bool words;
	bool follow;
	bool raw;
	int escape;
	int timeout;
	char vm[VM_NAME_SIZE];
};

/**
 * options_parse() - read the command line.
 * @argv: main's; getopt_long(3) may permute it.
 * @commands, @count: the table of commands, with rows "help" and "version"; the first row is the
 *                    default.
 * @options: the result; call options_done() even after a failure.
 *
 * Return: 0; -EINVAL with STATUS_USAGE; or -ENOMEM.
 */
int options_parse(int argc, char **argv, const struct command *commands, size_t count,
		  struct options *options, struct error *err);

void options_done(struct options *options);

/* options_usage() - print the usage text for the table in options->commands. */
void options_usage(const struct options *options, FILE *stream);

/* options_help() - print the help of the command @word; false if there is no such command. */
bool options_help(const struct options *options, const char *word, FILE *stream);

/**
 * options_words() - print a line for each word: the word, its help text, its argument.
 * @command: prints the options of this command; NULL: all commands and all options.
 */
void options_words(const struct options *options, const char *command, FILE *stream);

#endif
