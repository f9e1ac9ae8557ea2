// SPDX-License-Identifier: GPL-2.0-or-later
// Reads size and references to other files from a qcow2 header (docs/interop/qcow2.txt).
#ifndef LAUNCHER_FORMATS_QCOW2_H
#define LAUNCHER_FORMATS_QCOW2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netsetup/base/error.h"

/* The format's limit of a backing file's name, 1023 bytes, and its NUL. */
#define QCOW2_NAME_SIZE 1024

/**
 * struct qcow2 - the used fields of a header.
 * @size: of the disk in the image, in bytes.
 * @backing: name of the backing file, or empty.
 * @backing_format: its format, or empty if the header has none.
 * @data_file: true if the data is in an external file.
 * @encrypted: true if reading needs a passphrase.
 */
struct qcow2 {
	uint64_t size;
	char backing[QCOW2_NAME_SIZE];
	char backing_format[QCOW2_NAME_SIZE];
	bool data_file;
	bool encrypted;
};

/* qcow2_magic() - true if the first bytes of a file are those of qcow2, version 2 or later. */
bool qcow2_magic(const void *bytes, size_t size);

/**
 * qcow2_read() - read a header, which may be hostile: every offset and size is checked. An image
 * that is marked as corrupt, is of a later version or ends before its tables do is refused.
 * @path: for messages.
 *
 * Return: 0, -EINVAL for a malformed header, or the error of reading.
 */
int qcow2_read(int fd, const char *path, struct qcow2 *header, struct error *err);

#endif
