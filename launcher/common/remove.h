// SPDX-License-Identifier: GPL-2.0-or-later
// Removes files of a directory and reports each removal as a shell command.
#ifndef LAUNCHER_COMMON_REMOVE_H
#define LAUNCHER_COMMON_REMOVE_H

#include <stdbool.h>

/**
 * struct removal - the way to remove files.
 * @dry_run: report the removals, remove nothing.
 * @report: called before each removal with the equal shell command; may be NULL.
 * @context: passed to @report.
 */
struct removal {
	bool dry_run;
	void (*report)(const char *command, void *context);
	void *context;
};

/* remove_one() - remove one file of a directory. */
void remove_one(const struct removal *removal, const char *directory, const char *name);

/**
 * remove_matching() - remove files of a directory, but no directories.
 * @pattern: fnmatch(3) pattern of the files to remove; NULL removes all.
 * @except: name of a file to leave alone, or NULL.
 */
void remove_matching(const struct removal *removal, const char *directory, const char *pattern,
		     const char *except);

#endif
