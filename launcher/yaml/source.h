// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the text of a definition and checks its bytes.
#ifndef LAUNCHER_YAML_SOURCE_H
#define LAUNCHER_YAML_SOURCE_H

#include <stddef.h>

#include "launcher/yaml/diagnostics.h"
#include "launcher/yaml/location.h"

/* Bytes; enough for any definition that a person writes, and few enough to read at once. */
#define SOURCE_SIZE_MAX (1024 * 1024)

/**
 * source_open() - read a regular file of at most SOURCE_SIZE_MAX bytes; never blocks on a pipe.
 * @source: empty it with source_done() in any case.
 * @diagnostics: gets the first error.
 *
 * Return: 0, -EINVAL (another kind of file, or invalid text), -ENOMEM or the errno of opening it.
 */
int source_open(const char *path, struct source *source, struct diagnostics *diagnostics);

/**
 * source_from_memory() - copy a text from memory.
 * @name: name of the source in messages.
 * @bytes, @size: any bytes.
 * @source: empty it with source_done() in any case.
 * @diagnostics: gets the first error.
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int source_from_memory(const char *name, const void *bytes, size_t size, struct source *source,
		       struct diagnostics *diagnostics);

void source_done(struct source *source);

#endif
