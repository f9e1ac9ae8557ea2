// SPDX-License-Identifier: GPL-2.0-or-later
// Reads and writes whole small files and locks files.
#ifndef LAUNCHER_COMMON_FILE_H
#define LAUNCHER_COMMON_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "netsetup/base/error.h"

/**
 * file_read() - read a regular file or a pipe to its end; refuse a directory or a device.
 * @max: limit of its size in bytes.
 * @data: the bytes and a NUL after them, allocated; the caller frees it.
 * @size: number of bytes without that NUL.
 *
 * Return: 0, -EFBIG if the file has more than @max bytes, or another negative errno.
 */
int file_read(const char *path, size_t max, char **data, size_t *size, struct error *err);

/* file_write() - write all bytes. Return: 0 or a negative errno. */
int file_write(int fd, const void *bytes, size_t size);

/**
 * file_write_at() - write all bytes at an offset.
 * @offset: in bytes; negative to write where the file stands.
 *
 * Return: 0 or a negative errno.
 */
int file_write_at(int fd, const void *bytes, size_t size, off_t offset);

/**
 * file_lock_soon() - take a file's flock(2) lock, retrying for 200 ms: a process that removes
 * stale files holds it for a short time.
 *
 * Return: 0, -EBUSY if another process kept the lock, or another negative errno.
 */
int file_lock_soon(int fd);

#endif
