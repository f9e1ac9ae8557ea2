// SPDX-License-Identifier: GPL-2.0-or-later
// Prints how to use a VM that has started.
#include "launcher/run/hints.h"

#include <unistd.h>

#include "launcher/common/log.h"

static void print_console(const struct run *run, const char *name)
{
	if (run->plan.console == CONSOLE_SOCKET)
		log_notice("%s: console: vmrun console %s (Ctrl-] leaves it)", name, name);
	else if (run->plan.console == CONSOLE_STDIO && isatty(STDIN_FILENO))
		log_notice("%s: this terminal is the console: Ctrl-A H lists its keys, Ctrl-A X "
			   "ends the VM at once; elsewhere, 'vmrun stop %s' powers it off",
			   name, name);
}

void hints_print(const struct run *run, const struct sockaddr_in *ssh)
{
	const struct machine_login *login = &run->plan.login;
	const char *name = run->definition.name;

	if (!run->terminal)
		return;
	if (run->plan.accel == ACCEL_TCG)
		log_notice("%s: the guest is emulated without KVM, which is slow; 'vmrun doctor' "
			   "looks for the reason",
			   name);
	if (login->key_made)
		log_notice("%s: made an SSH key for it: %s", name, login->identity);
	if (login->user && ssh->sin_port)
		log_notice("%s: log in: vmrun ssh %s", name, name);
	print_console(run, name);
}
