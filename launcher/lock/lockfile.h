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
 * struct lockfile - one that was read.
 * @source, @document, @walk: where each value stands in it.
 * @report: what is wrong with it.
 * @lock: what it says.
 */
struct lockfile {
	struct source source;
	struct document document;
	struct walk walk;
	struct report report;
	struct lock lock;
};

/* lockfile_path() - "web.lock.yaml" for "web.yaml", allocated; NULL when memory ran out. */
char *lockfile_path(const char *definition);

/**
 * lockfile_read() - read one, strictly.
 * @path: of the lock file.
 * @file: all zero before; empty it with lockfile_done() in any case.
 *
 * Return: 0; -ENOMEM; or another negative errno, then @file->report tells all that is wrong.
 */
int lockfile_read(const char *path, struct lockfile *file);

void lockfile_done(struct lockfile *file);

/**
 * lockfile_write() - write one in place of that which is there, whose mode it keeps: at once, and
 * not at all when it would be the same.
 * @path: of the lock file.
 * @lock: what it is to say.
 * @definition: the definition's file, for a comment.
 * @changed: whether it was written.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int lockfile_write(const char *path, const struct lock *lock, const char *definition, bool *changed,
		   struct error *err);

#endif
