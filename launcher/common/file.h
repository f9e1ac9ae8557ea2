// SPDX-License-Identifier: GPL-2.0-or-later
// Reads and writes small files as a whole, and locks files.
#ifndef LAUNCHER_COMMON_FILE_H
#define LAUNCHER_COMMON_FILE_H

#include <stddef.h>

#include "netsetup/base/error.h"

/**
 * file_read() - read a file to its end; a pipe will do, a directory or a device will not.
 * @path: of the file.
 * @max: the most bytes it may have.
 * @data: its bytes and a NUL after them, allocated; the caller frees it.
 * @size: how many, without that NUL.
 * @err: the error.
 *
 * Return: 0, -EFBIG, or another negative errno.
 */
int file_read(const char *path, size_t max, char **data, size_t *size, struct error *err);

/**
 * file_write() - write all bytes.
 * @fd: of the file.
 *
 * Return: 0 or a negative errno.
 */
int file_write(int fd, const void *bytes, size_t size);

/**
 * file_lock_soon() - take a file's flock(2) lock, which some other process may hold for a moment,
 * such as one that sweeps.
 * @fd: of the file.
 *
 * Return: 0, -EBUSY when it was not free within 200 ms, or another negative errno.
 */
int file_lock_soon(int fd);

#endif
