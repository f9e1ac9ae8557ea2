// SPDX-License-Identifier: GPL-2.0-or-later
// Removes files of a directory and reports each removal as a shell command.
#include "launcher/common/remove.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launcher/common/argv.h"
#include "launcher/common/text.h"
#include "netsetup/base/cleanup.h"

void remove_one(const struct removal *removal, const char *directory, const char *name)
{
	cleanup_free char *path = text_format("%s/%s", directory, name);
	cleanup_free char *command = path ? text_format("rm %s", ARGV_WORD(path)) : NULL;

	if (!command)
		return;
	if (removal->report)
		removal->report(command, removal->context);
	if (!removal->dry_run)
		unlink(path);
}

void remove_matching(const struct removal *removal, const char *directory, const char *pattern,
		     const char *except)
{
	DIR *stream = opendir(directory);
	struct dirent *entry;

	while (stream && (entry = readdir(stream)))
		if (entry->d_type != DT_DIR && (!except || strcmp(entry->d_name, except) != 0) &&
		    (!pattern || !fnmatch(pattern, entry->d_name, 0)))
			remove_one(removal, directory, entry->d_name);
	if (stream)
		closedir(stream);
}
