// SPDX-License-Identifier: GPL-2.0-or-later
// Recognizes files that are no raw disks, by their magic numbers.
#ifndef LAUNCHER_FORMATS_MAGIC_H
#define LAUNCHER_FORMATS_MAGIC_H

#include <stdbool.h>
#include <stddef.h>

/* Number of bytes at the start, and at the end, of a file that magic_find() looks at. */
#define MAGIC_SIZE 512

enum magic_kind {
	MAGIC_IMAGE,      /* an image in a format that vmrun does not use */
	MAGIC_COMPRESSED, /* one compressed file */
	MAGIC_ARCHIVE,    /* several files */
	MAGIC_OTHER,      /* something that has no disk in it */
};

/**
 * struct magic - a kind of file that is no raw disk.
 * @name: "vmdk"; of MAGIC_OTHER with its article: "a web page".
 * @command: shell command that makes an image of it; the path follows. For MAGIC_OTHER a sentence
 *           without a path.
 * @unpacks: true if vmrun-image unpacks it.
 * @offset, @bytes, @size: the magic number. A negative @offset counts from the file's end.
 */
struct magic {
	enum magic_kind kind;
	const char *name;
	const char *command;
	bool unpacks;
	int offset;
	const char *bytes;
	size_t size;
};

/**
 * magic_find() - recognize a file by its bytes.
 * @start, @size: of the first MAGIC_SIZE bytes, or of all if there are less.
 * @end, @end_size: of the last ones; NULL and 0 if they are unknown.
 *
 * Return: NULL if the file may be a raw disk or qcow2.
 */
const struct magic *magic_find(const char *start, size_t size, const char *end, size_t end_size);

/* magic_page() - true if a file begins like a web page. */
bool magic_page(const char *start, size_t size);

#endif
