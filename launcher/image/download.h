// SPDX-License-Identifier: GPL-2.0-or-later
// One attempt to get the bytes behind a URL.
#ifndef LAUNCHER_IMAGE_DOWNLOAD_H
#define LAUNCHER_IMAGE_DOWNLOAD_H

#include "launcher/image/store.h"
#include "netsetup/base/error.h"

/**
 * download_init() - once, before the first attempt and before the process is confined.
 * Return: 0 or a negative errno.
 */
int download_init(struct error *err);

/* download_path() - the file of a file URL, allocated; NULL for any other. */
char *download_path(const char *url);

/**
 * download() - get what is behind a URL from where the store ends.
 *
 * A server that cannot go on in the middle begins anew, and so does the store. A redirect is
 * followed from http or https to https, from http to http, and to nothing else. What
 * calls itself a web page is refused before any of it is stored.
 * @url: http, https or file.
 * @store: where it goes.
 * @err: the error.
 *
 * Return: 0 when the server says that this is all; -EAGAIN when another attempt may get further;
 * -ESTALE when what is stored is no beginning of what the server has; or another negative errno.
 */
int download(const char *url, struct store *store, struct error *err);

#endif
