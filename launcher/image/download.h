// SPDX-License-Identifier: GPL-2.0-or-later
// Downloads a URL in one attempt.
#ifndef LAUNCHER_IMAGE_DOWNLOAD_H
#define LAUNCHER_IMAGE_DOWNLOAD_H

#include <stddef.h>
#include <stdint.h>

#include "launcher/image/record.h"
#include "launcher/image/store.h"
#include "netsetup/base/error.h"

/**
 * download_init() - initialize libcurl. Must be called once, before the sandbox starts.
 * Return: 0 or a negative errno.
 */
int download_init(struct error *err);

/**
 * struct download_ports - the TCP ports that downloads may connect to.
 * @numbers: the first @count are set: those of the URLs and of proxies, and that of https.
 */
struct download_ports {
	uint16_t numbers[IMAGE_MIRRORS_MAX + 8];
	size_t count;
};

/**
 * download_find_ports() - find the ports of URLs, and of the proxies in the environment.
 * @url_count: IMAGE_MIRRORS_MAX at most.
 */
void download_find_ports(const char *const *urls, size_t url_count, struct download_ports *ports);

/* download_path() - return the allocated path of a file URL; NULL for any other URL. */
char *download_path(const char *url);

/**
 * download() - append the bytes of a URL to the store, beginning at the store's size.
 *
 * If the server cannot resume, the download and the store start again. A redirect may lead from
 * http or https to https, or from http to http, at one of the ports; any other is refused. An
 * answer with the type of a web page is refused before its bytes are stored.
 * @url: http, https or file.
 *
 * Return: 0 if the answer is complete; -EAGAIN if a retry may help; -ESTALE if the server's file
 * does not begin with the stored bytes; or another negative errno.
 */
int download(const char *url, const struct download_ports *ports, struct store *store,
	     struct error *err);

#endif
