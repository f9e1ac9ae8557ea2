// SPDX-License-Identifier: GPL-2.0-or-later
// Removes files of the user's that runs which died have left, and says so.
#ifndef LAUNCHER_RUN_STALE_H
#define LAUNCHER_RUN_STALE_H

#include <stdbool.h>

/**
 * struct sweep - how it is swept.
 * @dry_run: say what would be removed, remove nothing.
 * @say: told each removal, before it is made, as the command that a person would have typed; or
 *       NULL.
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
 * sweep_files() - remove the files of a directory, but neither directories nor one of them.
 * @sweep: how.
 * @directory: its path.
 * @pattern: fnmatch(3)'s, of what is removed; or NULL: of all.
 * @spared: the name of a file that stays, or NULL.
 */
void sweep_files(const struct sweep *sweep, const char *directory, const char *pattern,
		 const char *spared);

/* sweep_user() - everything: runtime directories and overlays of VMs that do not run, the cache. */
void sweep_user(const struct sweep *sweep);

#endif
