// SPDX-License-Identifier: GPL-2.0-or-later
// Defines a row of the table of commands.
#ifndef LAUNCHER_COMMON_COMMAND_H
#define LAUNCHER_COMMON_COMMAND_H

#include "netsetup/base/error.h"

struct options;
struct launch;

/* The helpers that main starts for a command, before it drops root's rights. */
enum command_helper {
	COMMAND_NO_HELPER,
	COMMAND_HELPER,
	COMMAND_STANDBY, /* the helper, and a standby for it */
};

/**
 * command_fn - run a command with the user's rights.
 * @options: the command line.
 * @launch: the helpers, for a row that has them. The command may take them over or end them.
 * @err: its message is empty if the command has printed everything.
 *
 * Return: the exit status.
 */
typedef int command_fn(const struct options *options, struct launch *launch, struct error *err);

/**
 * struct command - a command.
 * @operands: "FILE...", "NAME", "bash|zsh|fish", "[TEMPLATE [NAME]]", or empty.
 * @least, @most: number of operands.
 * @options: bits of enum option_bit.
 * @helper: the helpers that the command needs.
 * @help: for the usage text and for completion, without quotes and brackets.
 */
struct command {
	const char *name;
	const char *operands;
	unsigned int least, most;
	unsigned int options;
	enum command_helper helper;
	command_fn *run;
	const char *help;
};

#endif
