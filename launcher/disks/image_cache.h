// SPDX-License-Identifier: GPL-2.0-or-later
// Cache of images from URLs, which names each image by its digest.
#ifndef LAUNCHER_DISKS_IMAGE_CACHE_H
#define LAUNCHER_DISKS_IMAGE_CACHE_H

#include <stdbool.h>

#include "launcher/common/remove.h"
#include "launcher/definition/machine_plan.h"
#include "launcher/image/record.h"
#include "netsetup/base/error.h"

/**
 * image_cache_locate() - set the path in the cache of each image from a URL; opens no file.
 * @plan: its images are set; an image that is set already stays.
 * @directory: for `print` the word for the cache's directory; NULL for the user's.
 *
 * Return: 0 or a negative errno (no home directory, no memory).
 */
int image_cache_locate(struct machine_plan *plan, const char *directory, struct error *err);

/**
 * image_cache_fetch() - fetch missing images. An image in the cache is complete and verified.
 * @plan: image_cache_locate() must have set its images.
 * @quiet: true if no progress is shown.
 * @err: see image_client_run() for an end by a signal.
 *
 * Return: 0 or a negative errno.
 */
int image_cache_fetch(const struct machine_plan *plan, bool quiet, struct error *err);

/**
 * image_cache_verify() - verify the user's own images that have a digest in the definition.
 * @quiet: true if no progress is shown.
 * @err: has a remedy; see image_client_run() for an end by a signal.
 *
 * Return: 0, -EILSEQ if a digest differs, or another negative errno.
 */
int image_cache_verify(const struct definition *definition, bool quiet, struct error *err);

/**
 * image_cache_learn() - fetch an image whose digest is unknown.
 * @disk: must have URLs.
 * @quiet: true if no progress is shown.
 * @name: the digest of the fetched image, "sha256-HEX".
 *
 * Return: 0 or a negative errno.
 */
int image_cache_learn(const struct disk *disk, bool quiet, char name[IMAGE_NAME_SIZE],
		      struct error *err);

/**
 * image_cache_locate_learned() - set the path in the cache of an image with a learned digest.
 * @index: the disk's number; this image of @plan is set.
 * @name: from image_cache_learn().
 *
 * Return: 0 or a negative errno.
 */
int image_cache_locate_learned(struct machine_plan *plan, unsigned int index, const char *name,
			       struct error *err);

/* image_cache_remove_stale() - remove half unpacked images, which no run can continue. */
void image_cache_remove_stale(const struct removal *removal);

#endif
