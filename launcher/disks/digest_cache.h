// SPDX-License-Identifier: GPL-2.0-or-later
// The digests of files, remembered for as long as the files stay as they are.
#ifndef LAUNCHER_DISKS_DIGEST_CACHE_H
#define LAUNCHER_DISKS_DIGEST_CACHE_H

#include <stdbool.h>

#include "launcher/common/remove.h"
#include "launcher/image/record.h"
#include "netsetup/base/error.h"

/**
 * measure_file() - the SHA-256 of a file or a block device.
 *
 * vmrun-image reads it, which takes some seconds for an image. The digest is then kept in the
 * user's cache with the file's device, inode, size and times, and taken from there as long as these
 * are the same; that of a file which was changed just before it was read, or of a block device, is
 * not kept.
 * @path: absolute.
 * @quiet: show no progress.
 * @name: "sha256-HEX".
 * @err: the error; see imager_run() for an end by a signal.
 *
 * Return: 0; -EAGAIN when the file changed while it was read; or another negative errno.
 */
int measure_file(const char *path, bool quiet, char name[IMAGE_NAME_SIZE], struct error *err);

/* measure_sweep() - remove what runs that died have left of the remembered digests. */
void measure_sweep(const struct sweep *sweep);

#endif
