// SPDX-License-Identifier: GPL-2.0-or-later
// Prints a resolved definition or its QEMU command.
#include "launcher/commands/command_print.h"

#include <errno.h>
#include <string.h>

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
static int command_line(struct definition *definition, char **text, struct error *err)
{
	struct qemu_config config = { .definition = definition };
	struct firmware firmware = { 0 };
	struct disks disks = { 0 };
	struct argv argv = { 0 };
	int rc;

	config.queues = machine_queues(definition, false);
	config.seed = seed_wanted(definition);
	config.vsock = definition->vsock.mode != VSOCK_NONE;
	config.dns_count = definition->network.dns_count;
	memcpy(config.dns, definition->network.dns, sizeof(config.dns));
	config.accel = definition->machine.accel;
	rc = cache_locate(definition, "CACHE", err);
	if (rc == 0)
		rc = disks_plan(definition, "DATA", &disks, err);
	if (rc < 0)
		return rc;
	disks_configure(&disks, &config);
	rc = firmware_plan(definition, "DATA", true, &firmware, err);
	firmware_configure(&firmware, &config);
	if (rc == 0)
		rc = qemu_build(&config, &argv, err);
	if (rc == 0) {
		*text = argv_quoted(&argv);
		if (!*text)
			rc = error_set(err, ENOMEM, "cannot show the command");
	}
	argv_done(&argv);
	firmware_done(&firmware);
	disks_done(&disks);
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
