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
#include "launcher/disks/disks.h"
#include "launcher/disks/image_cache.h"
#include "launcher/guest/nocloud.h"
#include "launcher/lock/locked_load.h"
#include "launcher/qemu/qemu.h"
#include "netsetup/base/cleanup.h"

/*
 * Builds the QEMU command with placeholders for the values that only a run knows and for the user's
 * directories. All users who can read the same files get the same text.
 */
static int build_command(const struct definition *definition, char **text, struct error *err)
{
	struct firmware firmware = { 0 };
	struct disks disks = { 0 };
	struct machine_plan plan;
	struct argv argv = { 0 };
	int ret;

	machine_plan_init(&plan, definition);
	plan.seed = nocloud_wanted(definition);
	ret = image_cache_locate(&plan, "CACHE", err);
	if (ret == 0)
		ret = disks_plan(&plan, "DATA", &disks, err);
	if (ret == 0)
		ret = uefi_vars_plan(definition, "DATA", true, &firmware, err);
	disks_configure(&disks, &plan);
	uefi_vars_configure(&firmware, &plan);
	if (ret == 0)
		ret = qemu_build(&plan, &argv, err);
	if (ret == 0) {
		*text = argv_quoted(&argv);
		if (!*text)
			ret = error_set_errno(err, ENOMEM, "cannot print the command");
	}
	argv_done(&argv);
	uefi_vars_done(&firmware);
	disks_done(&disks);
	machine_plan_done(&plan);
	return ret;
}

int command_print(const struct options *options, struct launch *launch, struct error *err)
{
	cleanup_free char *text = NULL;
	struct definition definition;
	int ret;

	if (locked_load_input(options, options->files[0], &definition, err) < 0)
		return (int)err->status;
	if (options->format == PRINT_ARGV)
		ret = build_command(&definition, &text, err);
	else
		ret = print_definition(&definition, options->format == PRINT_JSON, &text, err);
	definition_done(&definition);
	if (ret < 0)
		return err->status;
	log_output(text);
	return STATUS_OK;
}
