// SPDX-License-Identifier: GPL-2.0-or-later
// Checks definitions and reports every error.
#include "launcher/commands/command_check.h"

#include <errno.h>

#include "launcher/common/log.h"
#include "launcher/common/options.h"
#include "launcher/common/signals.h"
#include "launcher/definition/definition.h"
#include "launcher/disks/disks.h"
#include "launcher/disks/image_cache.h"
#include "launcher/lock/locked_load.h"
#include "launcher/lock/lockfile.h"

/* Checks the images as a run does: their digests, and those in the cache. */
static int check_images(const struct definition *definition, bool quiet, struct error *err)
{
	struct machine_plan plan;
	struct disks disks = { 0 };
	int ret;

	machine_plan_init(&plan, definition);
	ret = image_cache_locate(&plan, NULL, err);
	if (ret == 0)
		ret = image_cache_verify(definition, quiet, err);
	if (ret == 0)
		ret = disks_plan(&plan, NULL, &disks, err);
	disks_done(&disks);
	machine_plan_done(&plan);
	return ret;
}

/* Checks one file; the caller frees @definition after success. */
static int check(const struct options *options, const char *path, struct definition *definition,
		 struct error *err)
{
	int ret = signals_check(err);

	if (ret == 0)
		ret = locked_load_input(options, path, definition, err);
	if (ret == 0) {
		ret = check_images(definition, options->quiet, err);
		if (ret < 0)
			definition_done(definition);
	}
	return ret;
}

int command_check(const struct options *options, struct launch *launch, struct error *err)
{
	int status = STATUS_OK;

	for (unsigned int i = 0; i < options->file_count; i++) {
		struct definition definition;
		struct error file_error = { 0 };
		int ret;

		/* A shell expands '*.yaml' to lock files, too. --locked reads them. */
		if (lockfile_named(options->files[i])) {
			log_notice("%s: passed over: it is a lock file", options->files[i]);
			continue;
		}
		ret = check(options, options->files[i], &definition, &file_error);
		if (ret < 0) {
			status = (int)file_error.status;
			if (file_error.message[0])
				log_error(&file_error);
			if (ret == -EINTR)
				break;
			continue;
		}
		log_notice("%s: VM '%s' is well defined%s", options->files[i], definition.name,
			   options->locked ? " and matches its lock file" : "");
		definition_done(&definition);
	}
	return status;
}
