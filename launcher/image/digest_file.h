// SPDX-License-Identifier: GPL-2.0-or-later
// Computes the digest of a file.
#ifndef LAUNCHER_IMAGE_DIGEST_FILE_H
#define LAUNCHER_IMAGE_DIGEST_FILE_H

#include <stdbool.h>

#include "launcher/image/digest.h"
#include "netsetup/base/error.h"

/**
 * digest_file() - compute the SHA-256 of a whole file.
 * @fd: a regular file or a block device.
 * @path: its name, for progress and errors.
 * @quiet: true to show no progress.
 * @name: "sha256-HEX".
 *
 * Return: 0 or a negative errno.
 */
int digest_file(int fd, const char *path, bool quiet, char name[DIGEST_NAME_SIZE],
		struct error *err);

#endif
