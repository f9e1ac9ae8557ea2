// SPDX-License-Identifier: GPL-2.0-or-later
// Removes files of a directory and reports each removal as a shell command.
#ifndef LAUNCHER_COMMON_REMOVE_H
#define LAUNCHER_COMMON_REMOVE_H

#include <stdbool.h>

/**
 * struct removal - how files are removed.
 * @dry_run: report what would be removed, remove nothing.
 * @say: called before each removal, with the command that a person would type; or NULL.
 * @context: passed to @say.
 */
struct removal {
	bool dry_run;
	void (*say)(const char *command, void *context);
	void *context;
};

/* remove_one() - remove one file of a directory. */
void remove_one(const struct removal *removal, const char *directory, const char *name);

/**
 * remove_matching() - remove files of a directory, but no directories.
 * @removal: how.
 * @directory: its path.
 * @pattern: fnmatch(3) pattern of the files to remove; NULL removes all.
 * @spared: the name of a file that stays, or NULL.
 */
void remove_matching(const struct removal *removal, const char *directory, const char *pattern,
		     const char *spared);

#endif
