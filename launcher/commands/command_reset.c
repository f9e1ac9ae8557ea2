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

/* struct reset - one of them; @count: of the files that go. */
struct reset {
	const struct options *options;
	unsigned int count;
};

static void say(const char *command, void *context)
{
	struct reset *reset = context;

	reset->count++;
	if (!reset->options->quiet)
		log_output(command);
}

/* What can be a VM's name is one; a file of such a name is given as './NAME'. */
static bool find_name(const struct options *options, char name[VM_NAME_SIZE])
{
	cleanup_free char *report = NULL;
	struct definition definition;

	if (vm_name_valid(options->files[0])) {
		snprintf(name, VM_NAME_SIZE, "%s", options->files[0]);
		return true;
	}
	if (definition_load(options->files[0], NULL, 0, &definition, &report) < 0) {
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
	const struct sweep sweep = { options->dry_run, say, &reset };
	char name[VM_NAME_SIZE];

	if (!find_name(options, name))
		return STATUS_DEFINITION;
	if (keep_reset(name, &sweep, err) < 0)
		return (int)err->status;
	/* A guest that starts afresh makes itself another host key. */
	secureshell_forget(name, &sweep);
	if (reset.count == 0)
		log_notice("%s: there is nothing to throw away", name);
	else if (!options->dry_run)
		log_notice("%s: starts afresh from its images", name);
	return STATUS_OK;
}
