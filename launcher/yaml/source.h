// SPDX-License-Identifier: GPL-2.0-or-later
// The text of a definition, checked once as it comes in, and excerpts of it for messages.
#ifndef LAUNCHER_YAML_SOURCE_H
#define LAUNCHER_YAML_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Large enough for any definition that a person writes, small enough to read at once. */
#define SOURCE_SIZE_MAX (1024 * 1024)

/**
 * struct source - where definition text came from.
 * @name: path as it was given, or "--set KEY.PATH=VALUE".
 * @rank: messages about lower ranks come first.
 * @option: the name shows the text itself: messages about it need neither line nor excerpt.
 * @text: once it was opened without error: valid UTF-8 without a byte order mark, no
 *        text_control() but tabs and line ends, NUL-terminated.
 * @size: of the text in bytes.
 */
struct source {
	char *name;
	unsigned int rank;
	bool option;
	char *text;
	size_t size;
};

/**
 * struct place - a stretch of a source's text.
 * @source: NULL for what no source holds (a default).
 * @line: from 1; 0: the source as a whole.
 * @column: in characters, from 1.
 * @length: in characters; 0: reaches beyond the line, or is not known.
 */
struct place {
	const struct source *source;
	unsigned int line;
	unsigned int column;
	unsigned int length;
};

struct report;

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

/**
 * source_excerpt() - write the line of a place and a caret below it.
 * @place: its line is 1 or more; control characters become visible, a long line is cut around it.
 * @out: where to.
 */
void source_excerpt(const struct place *place, FILE *out);

#endif
