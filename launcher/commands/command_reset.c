// SPDX-License-Identifier: GPL-2.0-or-later
// Removes what a VM has written, by name or by file.
#include "launcher/commands/command_reset.h"

#include "launcher/common/log.h"
#include "launcher/common/options.h"
#include "launcher/guest/ssh.h"
#include "launcher/run/state_dir.h"

/* struct reset - the output of one run of the command; @count: number of removals. */
struct reset {
	const struct options *options;
	unsigned int count;
};

static void print_change(const char *command, void *context)
{
	struct reset *reset = context;

	reset->count++;
	if (!reset->options->quiet)
		log_output(command);
}

int command_reset(const struct options *options, struct launch *launch, struct error *err)
{
	struct reset reset = { .options = options };
	const struct removal removal = { options->dry_run, print_change, &reset };
	const char *name = options->vm;

	if (state_dir_reset(name, &removal, err) < 0)
		return (int)err->status;
	/* The guest makes a new host key at its next start. */
	ssh_forget(name, &removal);
	if (reset.count == 0)
		log_notice("%s: nothing to remove", name);
	else if (!options->dry_run)
		log_notice("%s: the next run starts from its images", name);
	return STATUS_OK;
}
