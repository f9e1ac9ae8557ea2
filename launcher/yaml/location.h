// SPDX-License-Identifier: GPL-2.0-or-later
// Names a stretch of the text of a definition.
#ifndef LAUNCHER_YAML_LOCATION_H
#define LAUNCHER_YAML_LOCATION_H

#include <stdbool.h>
#include <stddef.h>

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

#endif
