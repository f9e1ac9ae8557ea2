// SPDX-License-Identifier: GPL-2.0-or-later
// Loads a definition: reads it, checks it, and resolves 'auto'.
#ifndef LAUNCHER_DEFINITION_LOAD_H
#define LAUNCHER_DEFINITION_LOAD_H

#include <stddef.h>

#include "launcher/definition/definition.h"

/**
 * load_definition() - read, override, validate and resolve a definition. Then uuid, mac and
 * configure are known. Only fields that depend on the host at run time, or on its user, stay "auto"
 * (uplink, address, range, dns, accel, cpu, queues, vsock, user, ssh-keys).
 * @overrides: texts "KEY.PATH=VALUE" in the order in which they apply.
 * @definition: free it with definition_done() after success; unchanged on failure.
 * @diagnostics: all errors and warnings with excerpts, as text for stderr; NULL if there are none.
 *               The caller frees it. After success, it has warnings alone.
 *
 * Return: 0; -EINVAL for an invalid definition; -ENOMEM; or the errno of opening the file. There is
 * a message in @diagnostics for each but -ENOMEM.
 */
int load_definition(const char *path, char *const overrides[], unsigned int override_count,
		    struct definition *definition, char **diagnostics);

/* load_definition_unpinned() - the same, to learn the digests that images from URLs still lack. */
int load_definition_unpinned(const char *path, char *const overrides[], unsigned int override_count,
			     struct definition *definition, char **diagnostics);

/**
 * load_definition_memory() - load a definition from memory as load_definition() does from a file.
 * @name: path for messages; relative paths start from its directory.
 * @bytes, @size: any bytes.
 */
int load_definition_memory(const char *name, const void *bytes, size_t size,
			   char *const overrides[], unsigned int override_count,
			   struct definition *definition, char **diagnostics);

#endif
