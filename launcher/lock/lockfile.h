// SPDX-License-Identifier: GPL-2.0-or-later
// Reads and writes the lock file beside a definition.
#ifndef LAUNCHER_LOCK_LOCKFILE_H
#define LAUNCHER_LOCK_LOCKFILE_H

#include <stdbool.h>

#include "launcher/lock/lock.h"
#include "launcher/yaml/diagnostics.h"
#include "launcher/yaml/document.h"
#include "launcher/yaml/schema.h"
#include "netsetup/base/error.h"

/**
 * struct lockfile - a lock file that was read.
 * @source, @document, @loader: its text, and the location of each value.
 * @diagnostics: its errors.
 * @lock: its values.
 */
struct lockfile {
	struct source source;
	struct document document;
	struct loader loader;
	struct diagnostics diagnostics;
	struct lock lock;
};

/* lockfile_path() - make "web.lock.yaml" from "web.yaml"; the caller frees it; NULL for ENOMEM. */
char *lockfile_path(const char *definition);

/* lockfile_named() - true if a path ends like that of a lock file. */
bool lockfile_named(const char *path);

/**
 * lockfile_read() - read a lock file and check each value.
 * @file: must be all zero; empty it with lockfile_done() in any case.
 *
 * Return: 0; -ENOMEM; or another negative errno, with all errors in @file->diagnostics.
 */
int lockfile_read(const char *path, struct lockfile *file);

void lockfile_done(struct lockfile *file);

/**
 * lockfile_write() - replace a lock file atomically, with the mode of the old one. An equal file is
 * not written again.
 * @definition: path of the definition, for the comment in the file.
 * @changed: true if the file was written.
 *
 * Return: 0 or a negative errno.
 */
int lockfile_write(const char *path, const struct lock *lock, const char *definition, bool *changed,
		   struct error *err);

#endif
