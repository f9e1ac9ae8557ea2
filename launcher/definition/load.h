// SPDX-License-Identifier: GPL-2.0-or-later
// Loads a definition: reads it, checks it, and resolves what 'auto' stands for.
#ifndef LAUNCHER_DEFINITION_LOAD_H
#define LAUNCHER_DEFINITION_LOAD_H

#include <stddef.h>

#include "launcher/definition/definition.h"

/**
 * definition_load() - read, override, validate and resolve a definition: after it no field is
 * "auto" but those that only the host at run time can tell (uplink, address, dns, accel, queues).
 * uuid, mac and configure are concrete.
 * @path: of the file.
 * @overrides: "KEY.PATH=VALUE" texts in the order they apply.
 * @override_count: how many.
 * @definition: the definition; free it with definition_done() after success.
 * @report: all errors and their excerpts as text for stderr, allocated, or NULL when there are
 *          none; the caller frees it.
 *
 * Return: 0 or -EINVAL (invalid, @report says why), -ENOMEM, or the error of opening the file
 * (also told in @report).
 */
int definition_load(const char *path, char *const overrides[], unsigned int override_count,
		    struct definition *definition, char **report);

/**
 * definition_load_unpinned() - the same, but images from URLs need no digest: only to learn it.
 */
int definition_load_unpinned(const char *path, char *const overrides[], unsigned int override_count,
			     struct definition *definition, char **report);

/**
 * definition_load_memory() - the same from bytes, which may be anything.
 * @name: for messages; also where relative paths start from, as if it were a file's path.
 * @bytes, @size: the text.
 * @overrides, @override_count, @definition, @report: as above.
 *
 * Return: as above.
 */
int definition_load_memory(const char *name, const void *bytes, size_t size,
			   char *const overrides[], unsigned int override_count,
			   struct definition *definition, char **report);

#endif
