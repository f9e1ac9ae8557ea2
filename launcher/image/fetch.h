// SPDX-License-Identifier: GPL-2.0-or-later
// An image from the first of its mirrors that has it, into the cache.
#ifndef LAUNCHER_IMAGE_FETCH_H
#define LAUNCHER_IMAGE_FETCH_H

#include <stdbool.h>
#include <stddef.h>

#include "launcher/image/digest.h"
#include "netsetup/base/error.h"

/**
 * struct fetch - what is wanted.
 * @directory: of the cache.
 * @wanted: the digest's name, or "" when that is not known.
 * @urls, @url_count: its mirrors, at least one.
 * @quiet: show no progress.
 */
struct fetch {
	int directory;
	const char *wanted;
	const char *const *urls;
	size_t url_count;
	bool quiet;
};

/**
 * fetch_image() - have the image in the cache, see launcher/image/store.h.
 * @fetch: what is wanted; download_init() was called.
 * @name: the digest's name.
 * @err: the error; with several mirrors the remedy has that of each.
 *
 * Return: 0 or a negative errno.
 */
int fetch_image(const struct fetch *fetch, char name[DIGEST_NAME_SIZE], struct error *err);

#endif
