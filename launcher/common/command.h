// SPDX-License-Identifier: GPL-2.0-or-later
// Defines a row of the table of commands.
#ifndef LAUNCHER_COMMON_COMMAND_H
#define LAUNCHER_COMMON_COMMAND_H

#include <stdbool.h>

#include "netsetup/base/error.h"

struct options;
struct launch;

/**
 * command_fn - run a command with the user's rights.
 * @launch: the connection to vmrun-netsetup, if the row has @connects. The command may take it over
 *          or end it.
 * @err: keeps an empty message if the command has printed everything.
 *
 * Return: the exit status.
 */
typedef int command_fn(const struct options *options, struct launch *launch, struct error *err);

/**
 * command_prepare_fn - take what the command needs of root's rights, before main drops them.
 *
 * It may be root's call with another user's environment and arguments: it opens no file that they
 * name. It sets members of @launch.
 */
typedef void command_prepare_fn(const struct options *options, struct launch *launch);

/**
 * struct command - a row of the table.
 * @aliases: other names, with blanks between them, or empty.
 * @operands: "FILE...", "NAME|FILE", "bash|zsh|fish", "[TEMPLATE [NAME]]", or empty.
 * @least, @most: limits of the number of operands.
 * @options: bits of enum option_bit.
 * @help: text for usage and completion, without quotes and brackets.
 * @group: heading of the usage text before this row, or NULL.
 * @connects: main connects to vmrun-netsetup before it drops root's rights.
 * @prepare: may be NULL.
 */
struct command {
	const char *name;
	const char *aliases;
	const char *operands;
	unsigned int least, most;
	unsigned int options;
	bool connects;
	command_fn *run;
	const char *help;
	const char *group;
	command_prepare_fn *prepare;
};

#endif
