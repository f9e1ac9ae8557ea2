// SPDX-License-Identifier: GPL-2.0-or-later
// Removes what a VM has written, by name or by file.
#include "launcher/commands/command_reset.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launcher/common/log.h"
#include "launcher/common/options.h"
#include "launcher/common/signals.h"
#include "launcher/definition/definition.h"
#include "launcher/definition/load.h"
#include "launcher/guest/ssh.h"
#include "launcher/run/state_dir.h"
#include "netsetup/base/cleanup.h"

/* struct reset - the output of one pass; @count: number of removals; @quiet: print none. */
struct reset {
	bool quiet;
	unsigned int count;
};

static void print_change(const char *command, void *context)
{
	struct reset *reset = context;

	reset->count++;
	if (!reset->quiet)
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

/* One pass over the files. The guest makes a new host key at its next start. */
static int remove_all(const char *name, bool dry_run, struct reset *reset, struct error *err)
{
	const struct removal removal = { dry_run, print_change, reset };
	int ret;

	reset->count = 0;
	ret = state_dir_reset(name, &removal, err);
	if (ret == 0)
		ssh_forget(name, &removal);
	return ret;
}

/* Lists the files, then asks at the terminal; true for an answer that begins with 'y'. */
static bool confirm(const char *name, struct reset *reset, struct error *err)
{
	char answer[16] = "";

	if (remove_all(name, true, reset, err) < 0 || reset->count == 0)
		return true;
	fflush(stdout);
	fprintf(stderr, "remove all that '%s' has written? [y/N] ", name);
	reset->quiet = true;
	if (signals_wait(STDIN_FILENO, -1, err) != 1) {
		fputc('\n', stderr);
		return false;
	}
	return fgets(answer, sizeof(answer), stdin) && (*answer == 'y' || *answer == 'Y');
}

int command_reset(const struct options *options, struct launch *launch, struct error *err)
{
	const bool ask = !options->yes && !options->dry_run && isatty(STDIN_FILENO);
	struct reset reset = { .quiet = options->quiet && !ask };
	char name[VM_NAME_SIZE];

	if (!find_name(options, name))
		return STATUS_DEFINITION;
	if (ask && !confirm(name, &reset, err)) {
		log_notice("%s: nothing was removed", name);
		return err->code ? (int)err->status : STATUS_FAILURE;
	}
	if (remove_all(name, options->dry_run, &reset, err) < 0)
		return (int)err->status;
	if (reset.count == 0)
		log_notice("%s: nothing to remove", name);
	else if (!options->dry_run)
		log_notice("%s: the next run starts from its images", name);
	return STATUS_OK;
}
