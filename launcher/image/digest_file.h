// SPDX-License-Identifier: GPL-2.0-or-later
// The digest of a file that is there.
#ifndef LAUNCHER_IMAGE_DIGEST_FILE_H
#define LAUNCHER_IMAGE_DIGEST_FILE_H

#include <stdbool.h>

#include "launcher/image/digest.h"
#include "netsetup/base/error.h"

/**
 * digest_file() - read a file from its start to its end.
 * @fd: a file or a block device.
 * @path: its name, for what is shown.
 * @quiet: show no progress.
 * @name: "sha256-HEX".
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int digest_file(int fd, const char *path, bool quiet, char name[DIGEST_NAME_SIZE],
		struct error *err);

#endif
