// SPDX-License-Identifier: GPL-2.0-or-later
// vmrun: a virtual machine that is a full member of a laptop's Wi-Fi LAN, with one command.
#include <errno.h>
#include <stdio.h>

#include "launcher/commands/clean.h"
#include "launcher/commands/completion.h"
#include "launcher/commands/fetch.h"
#include "launcher/commands/init.h"
#include "launcher/commands/lock.h"
#include "launcher/commands/reset.h"
#include "launcher/commands/show.h"
#include "launcher/commands/version.h"
#include "launcher/commands/vm_commands.h"
#include "launcher/common/log.h"
#include "launcher/common/options.h"
#include "launcher/common/privilege.h"
#include "launcher/common/process.h"
#include "launcher/common/signals.h"
#include "launcher/doctor/doctor.h"
#include "launcher/run/run.h"

static int dispatch(const struct options *options, struct error *err)
{
	switch (options->command) {
	case COMMAND_RUN:
		return run_vm(options, err);
	case COMMAND_CHECK:
		return show_check(options, err);
	case COMMAND_PRINT:
		return show_print(options, err);
	case COMMAND_FETCH:
		return fetch_run(options, err);
	case COMMAND_LOCK:
		return lock_run(options, err);
	case COMMAND_RESET:
		return reset_run(options, err);
	case COMMAND_LIST:
		return manage_list(options, err);
	case COMMAND_STATUS:
		return manage_status(options, err);
	case COMMAND_STOP:
		return manage_stop(options, err);
	case COMMAND_PAUSE:
		return manage_pause(options, true, err);
	case COMMAND_RESUME:
		return manage_pause(options, false, err);
	case COMMAND_CONSOLE:
		return manage_console(options, err);
	case COMMAND_SSH:
		return manage_ssh(options, err);
	case COMMAND_LOG:
		return manage_log(options, err);
	case COMMAND_DOCTOR:
		return doctor_run(options, err);
	case COMMAND_CLEAN:
		return clean_run(options, err);
	case COMMAND_INIT:
		return init_run(options, err);
	case COMMAND_COMPLETION:
		return completion_run(options, err);
	case COMMAND_HELP:
		options_usage(stdout);
		return STATUS_OK;
	case COMMAND_VERSION:
		return version_run(err);
	}
	return STATUS_USAGE;
}

int main(int argc, char **argv)
{
	struct options options = { 0 };
	struct error err = { 0 };
	int status;

	signals_block();
	if (process_guard_stdio(&err) < 0 || privilege_check(&err) < 0 ||
	    options_parse(argc, argv, &options, &err) < 0) {
		status = (int)err.status;
	} else {
		if (options.quiet)
			log_set(LOG_LEVEL_QUIET);
		else if (options.verbose)
			log_set(LOG_LEVEL_VERBOSE);
		status = dispatch(&options, &err);
	}
	if (err.message[0])
		log_error(&err);
	options_done(&options);
	if (fflush(stdout) != 0 && status == STATUS_OK) {
		error_set(&err, errno, "cannot write to standard output");
		log_error(&err);
		status = STATUS_FAILURE;
	}
	return status;
}
