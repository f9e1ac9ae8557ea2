// SPDX-License-Identifier: GPL-2.0-or-later
// Digests of what streams by, and their texts.
#ifndef LAUNCHER_IMAGE_DIGEST_H
#define LAUNCHER_IMAGE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

/* "sha512-", 128 digits, NUL. */
#define DIGEST_NAME_SIZE 136

struct digest;

/**
 * digest_name_valid() - whether a text is "sha256-" or "sha512-" and as many lower-case hexadecimal
 * digits as that digest has: also the name of a file, with no '/' in it.
 */
bool digest_name_valid(const char *name);

/**
 * digest_new() - begin.
 * @sha512: SHA-512, else SHA-256.
 *
 * Return: end it with digest_free(); NULL when memory ran out.
 */
struct digest *digest_new(bool sha512);

/* digest_reset() - begin anew; returns false when memory ran out. */
bool digest_reset(struct digest *digest);

/* digest_add() - what comes next; returns false when memory ran out. */
bool digest_add(struct digest *digest, const void *bytes, size_t size);

/**
 * digest_name() - of all that was added so far; more can be added after it.
 * @name: "sha256-HEX" or "sha512-HEX".
 *
 * Return: false when memory ran out.
 */
bool digest_name(const struct digest *digest, char name[DIGEST_NAME_SIZE]);

void digest_free(struct digest *digest);

#endif
