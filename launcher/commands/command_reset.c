// SPDX-License-Identifier: GPL-2.0-or-later
// Removes what a VM has written, by name or by file.
#include "launcher/commands/command_reset.h"

#include <stdio.h>
#include <string.h>

#include "launcher/common/log.h"
#include "launcher/common/options.h"
#include "launcher/definition/definition.h"
#include "launcher/definition/load.h"
#include "launcher/guest/ssh.h"
#include "launcher/run/state_dir.h"
#include "netsetup/base/cleanup.h"

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

/* An operand that is valid as a VM's name is a name; './NAME' is a file of that name. */
static bool find_name(const struct options *options, char name[VM_NAME_SIZE])
{
	cleanup_free char *report = NULL;
	struct definition definition;

	if (vm_name_valid(options->files[0])) {
		snprintf(name, VM_NAME_SIZE, "%s", options->files[0]);
		return true;
	}
	if (load_definition(options->files[0], NULL, 0, &definition, &report) < 0) {
		log_text(report ? report : "vmrun: out of memory\n");
		return false;
	}
	snprintf(name, VM_NAME_SIZE, "%s", definition.name);
	definition_done(&definition);
	return true;
}

int command_reset(const struct options *options, struct launch *launch, struct error *err)
{
	struct reset reset = { .options = options };
	const struct removal removal = { options->dry_run, print_change, &reset };
	char name[VM_NAME_SIZE];

	if (!find_name(options, name))
		return STATUS_DEFINITION;
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
