// SPDX-License-Identifier: GPL-2.0-or-later
// Computes the digest of a file.
#ifndef LAUNCHER_IMAGE_DIGEST_FILE_H
#define LAUNCHER_IMAGE_DIGEST_FILE_H

#include <stdbool.h>

#include "launcher/image/digest.h"
#include "netsetup/base/error.h"

/**
 * digest_file() - add a whole file to a digest.
 * @fd: a regular file or a block device.
 * @path: its name, for progress and errors.
 * @quiet: true to show no progress.
 *
 * Return: 0 or a negative errno.
 */
int digest_file(int fd, const char *path, bool quiet, struct digest *digest, struct error *err);

#endif
