// SPDX-License-Identifier: GPL-2.0-or-later
// Defines all commands.
#include "launcher/commands/command_table.h"

#include "launcher/commands/command_check.h"
#include "launcher/commands/command_clean.h"
#include "launcher/commands/command_completion.h"
#include "launcher/commands/command_console.h"
#include "launcher/commands/command_fetch.h"
#include "launcher/commands/command_help.h"
#include "launcher/commands/command_init.h"
#include "launcher/commands/command_list.h"
#include "launcher/commands/command_lock.h"
#include "launcher/commands/command_log.h"
#include "launcher/commands/command_pause.h"
#include "launcher/commands/command_print.h"
#include "launcher/commands/command_reset.h"
#include "launcher/commands/command_run.h"
#include "launcher/commands/command_ssh.h"
#include "launcher/commands/command_status.h"
#include "launcher/commands/command_stop.h"
#include "launcher/commands/command_version.h"
#include "launcher/commands/vm_prepare.h"
#include "launcher/common/options.h"
#include "launcher/doctor/doctor.h"
#include "netsetup/base/cleanup.h"

#define MANY ~0u

#define RUN_OPTIONS                                                                     \
	(OPTION_SET | OPTION_UPLINK | OPTION_ADDRESS | OPTION_LOCKED | OPTION_DRY_RUN | \
	 OPTION_VERBOSE | OPTION_QUIET | OPTION_DETACH | OPTION_WAIT | OPTION_TIMEOUT | \
	 OPTION_AS_ROOT)
#define PRINT_OPTIONS (OPTION_SET | OPTION_UPLINK | OPTION_ADDRESS | OPTION_LOCKED | OPTION_FORMAT)

const struct command command_table[] = {
	{ "run", "", "FILE", 1, 1, RUN_OPTIONS, true, command_run, "boot a VM and wait for its end",
	  "definitions", NULL },
	{ "init", "", "[TEMPLATE [NAME]]", 0, 2, OPTION_QUIET, false, command_init,
	  "list templates, or copy one", NULL, NULL },
	{ "check", "", "FILE...", 1, MANY, OPTION_SET | OPTION_LOCKED | OPTION_QUIET, false,
	  command_check, "report every error of every file", NULL, NULL },
	{ "print", "", "FILE", 1, 1, PRINT_OPTIONS, false, command_print,
	  "print the resolved definition", NULL, NULL },
	{ "fetch", "", "FILE...", 1, MANY, OPTION_SET | OPTION_ACCEPT_DIGEST | OPTION_QUIET, false,
	  command_fetch, "download the images into the cache", NULL, NULL },
	{ "lock", "", "FILE", 1, 1, OPTION_QUIET, false, command_lock,
	  "write the lock file for --locked", NULL, NULL },
	{ "list", "ls ps", "", 0, 0, OPTION_JSON, false, command_list, "list the running VMs",
	  "VMs", vm_prepare_list },
	{ "status", "", "NAME|FILE", 0, 1, OPTION_JSON, false, command_status,
	  "print the status of a VM", NULL, vm_prepare_name },
	{ "ssh", "shell", "NAME|FILE [ARG...]", 0, MANY, OPTION_TIMEOUT | OPTION_PASSED, false,
	  command_ssh, "log in to the guest when it is ready", NULL, vm_prepare_name },
	{ "console", "", "NAME|FILE", 0, 1, OPTION_ESCAPE, false, command_console,
	  "attach to the serial console of a VM", NULL, vm_prepare_name },
	{ "log", "logs", "NAME|FILE", 0, 1, OPTION_FOLLOW | OPTION_RAW, false, command_log,
	  "print the log of a VM since its last start", NULL, vm_prepare_name },
	{ "pause", "", "NAME|FILE", 0, 1, 0, false, command_pause, "pause a VM", NULL,
	  vm_prepare_name },
	{ "resume", "", "NAME|FILE", 0, 1, 0, false, command_pause_resume,
	  "resume a VM, for example after a full disk", NULL, vm_prepare_name },
	{ "stop", "", "NAME|FILE", 0, 1, OPTION_NOW | OPTION_TIMEOUT, false, command_stop,
	  "power off a VM and wait for its end", NULL, vm_prepare_name },
	{ "reset", "", "NAME|FILE", 1, 1, OPTION_DRY_RUN | OPTION_QUIET | OPTION_YES, false,
	  command_reset, "remove what the VM has written", NULL, NULL },
	{ "doctor", "", "", 0, 0, OPTION_JSON, true, doctor_run,
	  "find problems that keep a VM off this LAN", "this host", NULL },
	{ "clean", "", "", 0, 0, OPTION_DRY_RUN | OPTION_QUIET, true, command_clean,
	  "remove what dead runs have left", NULL, NULL },
	{ "completion", "", "bash|zsh|fish", 1, 1, 0, false, command_completion,
	  "print a completion script", "vmrun itself", NULL },
	{ "help", "", "[COMMAND]", 0, MANY, OPTION_ANY | OPTION_WORDS, false, command_help,
	  "print this text, or the help of a command", NULL, NULL },
	{ "version", "", "", 0, MANY, OPTION_ANY, false, command_version, "print the version", NULL,
	  NULL },
};

const size_t command_table_count = ARRAY_SIZE(command_table);
