// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the text of a definition and checks its bytes.
#ifndef LAUNCHER_YAML_SOURCE_H
#define LAUNCHER_YAML_SOURCE_H

#include <stddef.h>

#include "launcher/yaml/diagnostics.h"
#include "launcher/yaml/location.h"

/* Large enough for any definition that a person writes, small enough to read at once. */
#define SOURCE_SIZE_MAX (1024 * 1024)

/**
 * source_open() - read a file: regular, at most SOURCE_SIZE_MAX, never waiting for a writer.
 * @path: of the file.
 * @source: the source; empty it with source_done() in any case.
 * @report: told what is wrong.
 *
 * Return: 0, -EINVAL (not such a file, or not such a text), -ENOMEM or the error of opening it.
 */
int source_open(const char *path, struct source *source, struct report *report);

/**
 * source_from_memory() - the same from bytes.
 * @name: for messages.
 * @bytes: any bytes; they are copied.
 * @size: how many, any.
 * @source: the source; empty it with source_done() in any case.
 * @report: told what is wrong.
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int source_from_memory(const char *name, const void *bytes, size_t size, struct source *source,
		       struct report *report);

void source_done(struct source *source);

#endif
