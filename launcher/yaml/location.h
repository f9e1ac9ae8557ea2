// SPDX-License-Identifier: GPL-2.0-or-later
// Describes a range of characters in the text of a definition.
#ifndef LAUNCHER_YAML_LOCATION_H
#define LAUNCHER_YAML_LOCATION_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct source - a file or option with text of a definition.
 * @name: path as the user gave it, or "--set KEY.PATH=VALUE".
 * @rank: order of messages: those about a lower rank come first.
 * @option: true if @name contains the text; messages then have neither line nor excerpt.
 * @text: NUL-terminated; after source_open() without error: valid UTF-8 without a byte order mark,
 *        without control characters except tabs and line ends.
 * @size: bytes of @text.
 */
struct source {
	char *name;
	unsigned int rank;
	bool option;
	char *text;
	size_t size;
};

/**
 * struct location - a range of characters of a source's text.
 * @source: NULL for a default, which no source contains.
 * @line: from 1; 0 for the whole source.
 * @column: characters, from 1.
 * @length: characters; 0 if unknown, or if the range ends on a later line.
 */
struct location {
	const struct source *source;
	unsigned int line;
	unsigned int column;
	unsigned int length;
};

#endif
