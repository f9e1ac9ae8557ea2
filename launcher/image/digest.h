// SPDX-License-Identifier: GPL-2.0-or-later
// Computes digests of a stream of bytes and formats them.
#ifndef LAUNCHER_IMAGE_DIGEST_H
#define LAUNCHER_IMAGE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

/* "sha512-", 128 digits, NUL. */
#define DIGEST_NAME_SIZE 136

struct digest;

/**
 * digest_name_valid() - true if a text is "sha256-" or "sha512-" and as many lower-case hexadecimal
 * digits as that digest has. Such a text is a safe file name: it has no '/'.
 */
bool digest_name_valid(const char *name);

/*
 * digest_new() - make a SHA-512 digest or a SHA-256 digest.
 * Return: the digest, which the caller frees; NULL if memory runs out.
 */
struct digest *digest_new(bool sha512);

/* digest_reset() - drop all bytes added so far. Return: false if memory runs out. */
bool digest_reset(struct digest *digest);

/* digest_add() - add the next bytes. Return: false if memory runs out. */
bool digest_add(struct digest *digest, const void *bytes, size_t size);

/**
 * digest_name() - format the digest of all bytes so far; more bytes can follow.
 * @name: "sha256-HEX" or "sha512-HEX".
 *
 * Return: false if memory runs out.
 */
bool digest_name(const struct digest *digest, char name[DIGEST_NAME_SIZE]);

void digest_free(struct digest *digest);

#endif
