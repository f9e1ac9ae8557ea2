// SPDX-License-Identifier: GPL-2.0-or-later
// An image on its way into the cache: what has come of it, its digest, and its end.
#ifndef LAUNCHER_IMAGE_STORE_H
#define LAUNCHER_IMAGE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "launcher/image/digest.h"
#include "launcher/image/unpack.h"
#include "netsetup/base/error.h"

/*
 * The bytes go into "NAME.part" as they come, so that a later run can go on where this one broke
 * off, and through the digest. If they are compressed, they are unpacked at the same time, into
 * "NAME.unpacked". When all are there and have the digest, one of the two files becomes "NAME": a
 * file of that name is whole, always. Whoever fetches an image has "NAME.part" locked.
 */

/**
 * struct store - see above.
 * @directory: of the cache, not owned.
 * @key: NAME while it is on its way: the digest's name, or, when that is not known, another one.
 * @wanted: the digest's name, or empty when any will do.
 * @digest: of what came.
 * @part: the locked file, or -1.
 * @unpacked: the other one, or -1.
 * @unpack: at work when @unpacked is there.
 * @damaged: what came could not be unpacked.
 * @begun: the first bytes were looked at, and it is known whether they are compressed.
 * @size: bytes that came, those of earlier runs too.
 * @found: how many of those earlier runs have left.
 */
struct store {
	int directory;
	char key[DIGEST_NAME_SIZE];
	const char *wanted;
	struct digest *digest;
	int part;
	int unpacked;
	struct unpack unpack;
	bool damaged;
	bool begun;
	uint64_t size;
	uint64_t found;
};

#define STORE_NONE                                                                 \
	{                                                                          \
		.directory = -1, .part = -1, .unpacked = -1, .unpack = UNPACK_NONE \
	}

/**
 * store_open() - lock the place of an image, and take what earlier runs have left there.
 * @store: STORE_NONE; end it with store_done(), also after a failure.
 * @directory: of the cache.
 * @wanted: name of its digest, or "" when that is not known.
 * @url: names the place in that case.
 * @waits: called once when another process has the place locked, before it is waited for.
 * @err: the error.
 *
 * Return: 0; 1 when the image is there already, whole; or a negative errno.
 */
int store_open(struct store *store, int directory, const char *wanted, const char *url,
	       void (*waits)(void), struct error *err);

/**
 * store_add() - bytes that follow those that came.
 * Return: 0 or a negative errno; then nothing of them counts.
 */
int store_add(struct store *store, const void *bytes, size_t size, struct error *err);

/* store_restart() - forget all that came. Return: 0 or a negative errno. */
int store_restart(struct store *store, struct error *err);

/* store_is_wanted() - whether what came has the digest that is wanted, so that no more is. */
bool store_is_wanted(const struct store *store);

/* store_is_page() - whether what came begins as a web page. */
bool store_is_page(const struct store *store);

/**
 * store_finish() - all has come: verify, and give the file its name.
 * @name: the digest's name.
 * @err: the error.
 *
 * Return: 0; -EILSEQ when the digest is another one, which leaves @err alone; or a negative errno.
 */
int store_finish(struct store *store, char name[DIGEST_NAME_SIZE], struct error *err);

/* store_done() - unlock; what came stays for a later run. */
void store_done(struct store *store);

#endif
