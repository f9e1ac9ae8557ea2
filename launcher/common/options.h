// SPDX-License-Identifier: GPL-2.0-or-later
// The command line: one table of commands, one of options, from which usage is made, too.
#ifndef LAUNCHER_COMMON_OPTIONS_H
#define LAUNCHER_COMMON_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "netsetup/base/error.h"

#define OVERRIDES_MAX 64

enum command {
	COMMAND_RUN,
	COMMAND_CHECK,
	COMMAND_PRINT,
	COMMAND_FETCH,
	COMMAND_LOCK,
	COMMAND_RESET,
	COMMAND_LIST,
	COMMAND_STATUS,
	COMMAND_STOP,
	COMMAND_PAUSE,
	COMMAND_RESUME,
	COMMAND_CONSOLE,
	COMMAND_SSH,
	COMMAND_LOG,
	COMMAND_DOCTOR,
	COMMAND_CLEAN,
	COMMAND_INIT,
	COMMAND_COMPLETION,
	COMMAND_HELP,
	COMMAND_VERSION,
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
 * @command: what to do.
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
 * @timeout: seconds that it has to power off; negative for the definition's.
 */
struct options {
	enum command command;
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
	int timeout;
};

/**
 * options_parse() - read the command line.
 * @argc, @argv: main's; may be permuted.
 * @options: what it says; free it with options_done(), also after a failure.
 * @err: STATUS_USAGE.
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int options_parse(int argc, char **argv, struct options *options, struct error *err);

void options_done(struct options *options);

/* options_usage() - write the usage text. */
void options_usage(FILE *stream);

/**
 * struct command_info - a row of the table of commands.
 * @name, @help: as the usage has them.
 * @operands: what it takes: "FILE...", "NAME", "bash|zsh|fish", "[TEMPLATE [NAME]]", or nothing.
 */
struct command_info {
	const char *name;
	const char *operands;
	const char *help;
};

/**
 * struct option_info - a row of the table of options.
 * @name, @help: as the usage has them.
 * @letter: or 0.
 * @argument: what it takes: "IF", "yaml|json|argv", or NULL for nothing.
 * @commands: that take it, a bit of each.
 */
struct option_info {
	const char *name;
	char letter;
	const char *argument;
	const char *help;
	unsigned int commands;
};

/* options_command(), options_option() - the row of an index from 0; false after the last one. */
bool options_command(unsigned int index, struct command_info *info);
bool options_option(unsigned int index, struct option_info *info);

#endif
