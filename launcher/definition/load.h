// SPDX-License-Identifier: GPL-2.0-or-later
// Loads a definition: reads it, checks it, and resolves what 'auto' stands for.
#ifndef LAUNCHER_DEFINITION_LOAD_H
#define LAUNCHER_DEFINITION_LOAD_H

#include <stddef.h>

#include "launcher/definition/definition.h"

/**
 * load_definition() - read, override, validate and resolve a definition: after it no field is
 * "auto" but those that only the host at run time can tell (uplink, address, dns, accel, queues).
 * uuid, mac and configure are concrete.
 * @path: of the file.
 * @overrides: "KEY.PATH=VALUE" texts in the order they apply.
 * @override_count: how many.
 * @definition: the definition; free it with definition_done() after success.
 * @diagnostics: all errors and their excerpts as text for stderr, allocated, or NULL when there are
 *          none; the caller frees it.
 *
 * Return: 0 or -EINVAL (invalid, @diagnostics says why), -ENOMEM, or the error of opening the file
 * (also told in @diagnostics).
 */
int load_definition(const char *path, char *const overrides[], unsigned int override_count,
		    struct definition *definition, char **diagnostics);

/**
 * load_definition_unpinned() - the same, but images from URLs need no digest: only to learn it.
 */
int load_definition_unpinned(const char *path, char *const overrides[], unsigned int override_count,
			     struct definition *definition, char **diagnostics);

/**
 * load_definition_memory() - the same from bytes, which may be anything.
 * @name: for messages; also where relative paths start from, as if it were a file's path.
 * @bytes, @size: the text.
 * @overrides, @override_count, @definition, @diagnostics: as above.
 *
 * Return: as above.
 */
int load_definition_memory(const char *name, const void *bytes, size_t size,
			   char *const overrides[], unsigned int override_count,
			   struct definition *definition, char **diagnostics);

#endif
