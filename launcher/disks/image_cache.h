// SPDX-License-Identifier: GPL-2.0-or-later
// Images from URLs: kept in the user's cache under their digests, fetched when they are not there.
#ifndef LAUNCHER_DISKS_IMAGE_CACHE_H
#define LAUNCHER_DISKS_IMAGE_CACHE_H

#include <stdbool.h>

#include "launcher/common/remove.h"
#include "launcher/definition/machine_plan.h"
#include "launcher/image/record.h"
#include "netsetup/base/error.h"

/**
 * cache_locate() - find where the cache has each image from a URL, or would have it; touches
 * nothing.
 * @plan: its images are set; an image that is set stays as it is.
 * @directory: the word for the cache's directory, for `print`; NULL: the user's.
 * @err: the error.
 *
 * Return: 0 or a negative errno (no home directory, no memory).
 */
int cache_locate(struct machine_plan *plan, const char *directory, struct error *err);

/**
 * cache_fetch() - fetch the images that are not there; what is there is whole and verified.
 * @plan: cache_locate() was called.
 * @quiet: show no progress.
 * @err: the error; see imager_run() for an end by a signal.
 *
 * Return: 0 or a negative errno.
 */
int cache_fetch(const struct machine_plan *plan, bool quiet, struct error *err);

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

/**
 * cache_locate_learned() - find where the cache has one image of a digest that was learned.
 * @plan: its image @index is set.
 * @index: the disk's number.
 * @name: of cache_learn().
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int cache_locate_learned(struct machine_plan *plan, unsigned int index, const char *name,
			 struct error *err);

/* cache_sweep() - remove what nobody can go on with: half an image that was being unpacked. */
void cache_sweep(const struct sweep *sweep);

#endif
