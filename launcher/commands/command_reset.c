// SPDX-License-Identifier: GPL-2.0-or-later
// Removes what a VM has written, by name or by file.
#include "launcher/commands/command_reset.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launcher/common/log.h"
#include "launcher/common/options.h"
#include "launcher/common/signals.h"
#include "launcher/guest/ssh.h"
#include "launcher/run/state_dir.h"

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
	const char *name = options->vm;

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
