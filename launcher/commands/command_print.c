// SPDX-License-Identifier: GPL-2.0-or-later
// Prints a resolved definition or its QEMU command.
#include "launcher/commands/command_print.h"

#include <errno.h>

#include "launcher/common/log.h"
#include "launcher/common/options.h"
#include "launcher/definition/definition.h"
#include "launcher/definition/machine.h"
#include "launcher/definition/print.h"
#include "launcher/devices/uefi_vars.h"
#include "launcher/disks/disk.h"
#include "launcher/disks/image_cache.h"
#include "launcher/guest/nocloud.h"
#include "launcher/lock/locked_load.h"
#include "launcher/qemu/qemu.h"
#include "netsetup/base/cleanup.h"

/*
 * The command with words in place of what only a run knows, and of what is each user's own: it is
 * the same for everybody who can read the same files.
 */
static int command_line(const struct definition *definition, char **text, struct error *err)
{
	struct firmware firmware = { 0 };
	struct disks disks = { 0 };
	struct machine_plan plan;
	struct argv argv = { 0 };
	int rc;

	machine_plan_init(&plan, definition);
	plan.queues = machine_queues(definition, false);
	plan.seed = seed_wanted(definition);
	rc = cache_locate(&plan, "CACHE", err);
	if (rc == 0)
		rc = disks_plan(&plan, "DATA", &disks, err);
	if (rc == 0)
		rc = firmware_plan(definition, "DATA", true, &firmware, err);
	disks_configure(&disks, &plan);
	firmware_configure(&firmware, &plan);
	if (rc == 0)
		rc = qemu_build(&plan, &argv, err);
	if (rc == 0) {
		*text = argv_quoted(&argv);
		if (!*text)
			rc = error_set(err, ENOMEM, "cannot show the command");
	}
	argv_done(&argv);
	firmware_done(&firmware);
	disks_done(&disks);
	machine_plan_done(&plan);
	return rc;
}

int command_print(const struct options *options, struct launch *launch, struct error *err)
{
	cleanup_free char *text = NULL;
	struct definition definition;
	int rc;

	if (given_load(options, options->files[0], &definition, err) < 0)
		return (int)err->status;
	if (options->format == PRINT_ARGV)
		rc = command_line(&definition, &text, err);
	else
		rc = definition_print(&definition, options->format == PRINT_JSON, &text, err);
	definition_done(&definition);
	if (rc < 0)
		return err->status;
	log_output(text);
	return STATUS_OK;
}
