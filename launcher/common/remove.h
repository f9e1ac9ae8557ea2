// SPDX-License-Identifier: GPL-2.0-or-later
// Removes files of a directory and reports each removal as a shell command.
#ifndef LAUNCHER_COMMON_REMOVE_H
#define LAUNCHER_COMMON_REMOVE_H

#include <stdbool.h>

/**
 * struct sweep - how files are removed.
 * @dry_run: report what would be removed, remove nothing.
 * @say: called before each removal, with the command that a person would type; or NULL.
 * @context: passed to @say.
 */
struct sweep {
	bool dry_run;
	void (*say)(const char *command, void *context);
	void *context;
};

/* sweep_file() - remove one file of a directory. */
void sweep_file(const struct sweep *sweep, const char *directory, const char *name);

/**
 * sweep_files() - remove files of a directory, but no directories.
 * @sweep: how.
 * @directory: its path.
 * @pattern: fnmatch(3) pattern of the files to remove; NULL removes all.
 * @spared: the name of a file that stays, or NULL.
 */
void sweep_files(const struct sweep *sweep, const char *directory, const char *pattern,
		 const char *spared);

#endif
