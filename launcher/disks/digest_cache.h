// SPDX-License-Identifier: GPL-2.0-or-later
// Cache of file digests; an entry is valid while its file is unchanged.
#ifndef LAUNCHER_DISKS_DIGEST_CACHE_H
#define LAUNCHER_DISKS_DIGEST_CACHE_H

#include <stdbool.h>

#include "launcher/common/remove.h"
#include "launcher/image/record.h"
#include "netsetup/base/error.h"

/**
 * digest_cache_get() - return the SHA-256 or SHA-512 of a file or a block device.
 *
 * vmrun-image reads the file, which takes some seconds for an image. The user's cache keeps the
 * digest with the file's device, inode, size and times, and this function returns it while these
 * stay the same. It does not cache the digest of a block device, or of a file that changed just
 * before it was read.
 * @path: absolute.
 * @quiet: true if no progress is shown.
 * @sha512: true for the SHA-512.
 * @name: "sha256-HEX" or "sha512-HEX".
 * @err: see image_client_run() for an end by a signal.
 *
 * Return: 0; -EAGAIN if the file changed while it was read; or another negative errno.
 */
int digest_cache_get(const char *path, bool quiet, bool sha512, char name[IMAGE_NAME_SIZE],
		     struct error *err);

/* digest_cache_remove_stale() - remove temporary files of runs that were killed. */
void digest_cache_remove_stale(const struct removal *removal);

#endif
