// SPDX-License-Identifier: GPL-2.0-or-later
// What a qcow2 header says about other files (QEMU's docs/interop/qcow2.txt).
#ifndef LAUNCHER_DISKS_QCOW2_H
#define LAUNCHER_DISKS_QCOW2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netsetup/base/error.h"

/* The format's own limit of a backing file's name, and room for a NUL. */
#define QCOW2_NAME_SIZE 1024

/**
 * struct qcow2 - the parts of a header that matter here.
 * @size: of the disk that the image holds, in bytes.
 * @backing: name of the backing file, or empty.
 * @backing_format: its format, or empty when the header does not say.
 * @data_file: the data is in another, "external" file.
 */
struct qcow2 {
	uint64_t size;
	char backing[QCOW2_NAME_SIZE];
	char backing_format[QCOW2_NAME_SIZE];
	bool data_file;
};

/* qcow2_magic() - whether the first bytes of a file are those of qcow2, version 2 or 3. */
bool qcow2_magic(const void *bytes, size_t size);

/**
 * qcow2_read() - read a header; nothing in it is trusted.
 * @fd: the file.
 * @path: its name, for messages.
 * @header: the header.
 * @err: the error.
 *
 * Return: 0, -EINVAL when it is not a well-formed qcow2 header, or the error of reading.
 */
int qcow2_read(int fd, const char *path, struct qcow2 *header, struct error *err);

#endif
