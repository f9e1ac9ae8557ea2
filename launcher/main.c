// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the command line of vmrun and runs the command.
#include "launcher/commands/command_table.h"
#include "launcher/commands/operand.h"
#include "launcher/common/log.h"
#include "launcher/common/options.h"
#include "launcher/common/privilege.h"
#include "launcher/common/process.h"
#include "launcher/common/signals.h"
#include "launcher/run/launch.h"

/*
 * This is the only function that drops root's rights. The connection to vmrun-netsetup is opened
 * before, because it needs them. The command runs after, so it opens the user's files with the
 * user's rights.
 */
static int run_command(struct options *options, struct error *err)
{
	const struct command *command = options->command;
	const bool keep_root = options->as_root || !(command->options & OPTION_AS_ROOT);
	struct launch launch = LAUNCH_NONE;
	int status = STATUS_OK;
	int ret = 0;

	if (command->connects)
		ret = launch_start(&launch, options, &status, err);
	if (ret > 0)
		return status;
	if (ret == 0 && command->prepare)
		command->prepare(options, &launch);
	if (ret == 0)
		ret = launch.become ? privilege_become(launch.become, err)
				    : privilege_drop(keep_root, err);
	if (ret == 0)
		ret = operand_find_vm(options, err);
	status = ret < 0 ? (int)err->status : command->run(options, &launch, err);
	operand_add_remedy(options, err);
	launch_end(&launch);
	return status;
}

int main(int argc, char **argv)
{
	struct options options = { 0 };
	struct error err = { 0 };
	int status;

	signals_block();
	if (process_guard_stdio(&err) < 0 || privilege_check(&err) < 0 ||
	    options_parse(argc, argv, command_table, command_table_count, &options, &err) < 0) {
		status = (int)err.status;
	} else {
		if (options.quiet)
			log_set(LOG_LEVEL_QUIET);
		else if (options.verbose)
			log_set(LOG_LEVEL_VERBOSE);
		status = run_command(&options, &err);
	}
	if (err.message[0])
		log_error(&err);
	options_done(&options);
	if (log_close_output(&err) < 0 && status == STATUS_OK) {
		if (err.message[0])
			log_error(&err);
		status = (int)err.status;
	}
	return status;
}
