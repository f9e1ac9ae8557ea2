// SPDX-License-Identifier: GPL-2.0-or-later
// Runs a VM, in the foreground or as the parent of a run in the background.
#include "launcher/commands/command_run.h"

#include "launcher/commands/command_ssh.h"
#include "launcher/common/options.h"
#include "launcher/run/launch.h"
#include "launcher/run/run.h"

int command_run(const struct options *options, struct launch *launch, struct error *err)
{
	const struct detach_ready *ready = &launch->detach.ready;

	if (!ready->name[0])
		return run_vm(options, launch, err);
	if (command_ssh_wait(ready->name, &ready->ssh, options->timeout, err) < 0)
		return (int)err->status;
	return STATUS_OK;
}
