// SPDX-License-Identifier: GPL-2.0-or-later
// Images from URLs: kept in the user's cache under their digests, fetched when they are not there.
#ifndef LAUNCHER_DISKS_IMAGE_CACHE_H
#define LAUNCHER_DISKS_IMAGE_CACHE_H

#include <stdbool.h>

#include "launcher/common/remove.h"
#include "launcher/definition/definition.h"
#include "launcher/image/record.h"
#include "netsetup/base/error.h"

/**
 * cache_locate() - tell each disk with an image from a URL where the cache has it, or would have
 * it; touches nothing.
 * @definition: its disks' @image is set.
 * @directory: the word for the cache's directory, for `print`; NULL: the user's.
 * @err: the error.
 *
 * Return: 0 or a negative errno (no home directory, no memory).
 */
int cache_locate(struct definition *definition, const char *directory, struct error *err);

/**
 * cache_fetch() - fetch the images that are not there; what is there is whole and verified.
 * @definition: cache_locate() was called.
 * @quiet: show no progress.
 * @err: the error; see imager_run() for an end by a signal.
 *
 * Return: 0 or a negative errno.
 */
int cache_fetch(const struct definition *definition, bool quiet, struct error *err);

/**
 * cache_learn() - fetch an image without knowing its digest.
 * @disk: with URLs.
 * @quiet: show no progress.
 * @name: "sha256-HEX": what came.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int cache_learn(const struct disk *disk, bool quiet, char name[IMAGE_NAME_SIZE], struct error *err);

/* cache_sweep() - remove what nobody can go on with: half an image that was being unpacked. */
void cache_sweep(const struct sweep *sweep);

#endif
