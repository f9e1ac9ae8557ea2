// SPDX-License-Identifier: GPL-2.0-or-later
// vmrun: a virtual machine that is a full member of a laptop's Wi-Fi LAN, with one command.
#include <errno.h>
#include <stdio.h>

#include "launcher/commands/command_check.h"
#include "launcher/commands/command_clean.h"
#include "launcher/commands/command_completion.h"
#include "launcher/commands/command_console.h"
#include "launcher/commands/command_fetch.h"
#include "launcher/commands/command_init.h"
#include "launcher/commands/command_list.h"
#include "launcher/commands/command_log.h"
#include "launcher/commands/command_pause.h"
#include "launcher/commands/command_print.h"
#include "launcher/commands/command_reset.h"
#include "launcher/commands/command_ssh.h"
#include "launcher/commands/command_status.h"
#include "launcher/commands/command_stop.h"
#include "launcher/commands/command_version.h"
#include "launcher/common/log.h"
#include "launcher/common/options.h"
#include "launcher/common/privilege.h"
#include "launcher/common/process.h"
#include "launcher/common/signals.h"
#include "launcher/doctor/doctor.h"
#include "launcher/lock/lock.h"
#include "launcher/run/run.h"

static int dispatch(const struct options *options, struct error *err)
{
	switch (options->command) {
	case COMMAND_RUN:
		return run_vm(options, err);
	case COMMAND_CHECK:
		return command_check(options, err);
	case COMMAND_PRINT:
		return command_print(options, err);
	case COMMAND_FETCH:
		return fetch_run(options, err);
	case COMMAND_LOCK:
		return lock_run(options, err);
	case COMMAND_RESET:
		return reset_run(options, err);
	case COMMAND_LIST:
		return command_list(options, err);
	case COMMAND_STATUS:
		return command_status(options, err);
	case COMMAND_STOP:
		return command_stop(options, err);
	case COMMAND_PAUSE:
		return command_pause(options, err);
	case COMMAND_RESUME:
		return command_resume(options, err);
	case COMMAND_CONSOLE:
		return command_console(options, err);
	case COMMAND_SSH:
		return command_ssh(options, err);
	case COMMAND_LOG:
		return command_log(options, err);
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
