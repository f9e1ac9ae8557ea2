// SPDX-License-Identifier: GPL-2.0-or-later
// Removes files of the user's that runs which died have left, and says so.
#include "launcher/run/stale.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stddef.h>
#include <string.h>

#include "launcher/common/xdg.h"
#include "launcher/disks/digest_cache.h"
#include "launcher/disks/image_cache.h"
#include "launcher/run/runtime_dir.h"
#include "launcher/run/state_dir.h"
#include "netsetup/base/cleanup.h"

void sweep_file(const struct sweep *sweep, const char *directory, const char *name)
{
	cleanup_free char *command = NULL;

	if (asprintf(&command, "rm %s/%s", directory, name) < 0) {
		command = NULL;
		return;
	}
	if (sweep->say)
		sweep->say(command, sweep->context);
	if (!sweep->dry_run)
		unlink(command + strlen("rm "));
}

void sweep_files(const struct sweep *sweep, const char *directory, const char *pattern,
		 const char *spared)
{
	DIR *stream = opendir(directory);
	struct dirent *entry;

	while (stream && (entry = readdir(stream)))
		if (entry->d_type != DT_DIR && (!spared || strcmp(entry->d_name, spared) != 0) &&
		    (!pattern || !fnmatch(pattern, entry->d_name, 0)))
			sweep_file(sweep, directory, entry->d_name);
	if (stream)
		closedir(stream);
}

static void sweep_instance(const char *name, void *context)
{
	instance_sweep(name, context);
}

static void sweep_kept(const char *name, void *context)
{
	keep_sweep(name, context);
}

void sweep_user(const struct sweep *sweep)
{
	xdg_each(XDG_RUNTIME, sweep_instance, (void *)sweep);
	xdg_each(XDG_DATA, sweep_kept, (void *)sweep);
	cache_sweep(sweep);
	measure_sweep(sweep);
}
