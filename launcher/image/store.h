// SPDX-License-Identifier: GPL-2.0-or-later
// Stores an image in the cache: appends, verifies, unpacks and publishes it.
#ifndef LAUNCHER_IMAGE_STORE_H
#define LAUNCHER_IMAGE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "launcher/image/digest.h"
#include "netsetup/base/error.h"

/*
 * store_add() appends the bytes to "NAME.part", so that a later run can resume, and to the digest.
 * When the image is complete and its digest is right, a compressed one is unpacked into
 * "NAME.unpacked". One of the two files becomes "NAME", so a file of that name is always complete.
 * Until the digest is right, an image takes no more space than the bytes that came. The process
 * that fetches an image holds the lock of "NAME.part".
 */

/**
 * struct store - an image in the making, see above.
 * @directory: descriptor of the cache's directory, not owned.
 * @key: NAME until the image is complete: the digest's name, or one made of the URL.
 * @wanted: the expected digest's name, or empty to accept any.
 * @digest: digest of the stored bytes.
 * @part: descriptor of "NAME.part", or -1.
 * @size: number of stored bytes, with those of earlier runs.
 * @found: number of bytes that came from earlier runs or other mirrors.
 */
struct store {
	int directory;
	char key[DIGEST_NAME_SIZE];
	const char *wanted;
	struct digest *digest;
	int part;
	uint64_t size;
	uint64_t found;
};

#define STORE_NONE                          \
	{                                   \
		.directory = -1, .part = -1 \
	}

/**
 * store_open() - lock an image's part and load the bytes that earlier runs stored.
 * @store: STORE_NONE; call store_done() even after a failure.
 * @wanted: name of the digest, or "" if unknown. Must stay valid until store_done().
 * @url: makes NAME if the digest is unknown.
 * @on_wait: called once before waiting for another process's lock; may be NULL.
 *
 * Return: 0; 1 if the cache has the image; or a negative errno.
 */
int store_open(struct store *store, int directory, const char *wanted, const char *url,
	       void (*on_wait)(void), struct error *err);

/**
 * store_add() - append bytes.
 * Return: 0 or a negative errno; after a failed write none of them is stored.
 */
int store_add(struct store *store, const void *bytes, size_t size, struct error *err);

/* store_restart() - remove all stored bytes. Return: 0 or a negative errno. */
int store_restart(struct store *store, struct error *err);

/* store_is_wanted() - true if the stored bytes have the expected digest: they are complete. */
bool store_is_wanted(const struct store *store);

/* store_is_page() - true if the stored bytes begin like a web page. */
bool store_is_page(const struct store *store);

/**
 * store_finish() - verify the complete image, unpack it and rename its file to the digest's name.
 * @name: the digest's name.
 *
 * Return: 0; -EILSEQ if the digest differs, with @err untouched; or another negative errno.
 */
int store_finish(struct store *store, char name[DIGEST_NAME_SIZE], struct error *err);

/* store_done() - unlock the part; its bytes stay for a later run. */
void store_done(struct store *store);

#endif
