// SPDX-License-Identifier: GPL-2.0-or-later
// Fetches an image into the cache from the first mirror that has it.
#ifndef LAUNCHER_IMAGE_FETCH_H
#define LAUNCHER_IMAGE_FETCH_H

#include <stdbool.h>
#include <stddef.h>

#include "launcher/image/digest.h"
#include "launcher/image/download.h"
#include "netsetup/base/error.h"

/**
 * struct fetch - an image to fetch.
 * @directory: descriptor of the cache's directory, not owned.
 * @wanted: name of its digest, or "" if unknown.
 * @urls, @url_count: its mirrors, at least one.
 * @ports: of download_find_ports().
 * @quiet: true to show no progress.
 */
struct fetch {
	int directory;
	const char *wanted;
	const char *const *urls;
	size_t url_count;
	struct download_ports ports;
	bool quiet;
};

/**
 * fetch_image() - fetch an image unless the cache has it, see launcher/image/store.h.
 * @fetch: the image; download_init() must have been called.
 * @name: name of its digest.
 * @err: with several mirrors, the remedy has the message of each.
 *
 * Return: 0 or a negative errno.
 */
int fetch_image(const struct fetch *fetch, char name[DIGEST_NAME_SIZE], struct error *err);

#endif
