// SPDX-License-Identifier: GPL-2.0-or-later
// Computes digests of a stream of bytes and formats them.
#include "launcher/image/digest.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netsetup/base/cleanup.h"

/**
 * struct digest - a digest in progress.
 * @sha512: true for SHA-512, else SHA-256.
 */
struct digest {
	EVP_MD_CTX *context;
	bool sha512;
};

bool digest_name_valid(const char *name)
{
	static const struct {
		const char *prefix;
		size_t digits;
	} kinds[] = { { "sha256-", 64 }, { "sha512-", 128 } };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const char *digits = name + strlen(kinds[i].prefix);

		if (!strncmp(name, kinds[i].prefix, strlen(kinds[i].prefix)))
			return strlen(digits) == kinds[i].digits &&
			       strspn(digits, "0123456789abcdef") == kinds[i].digits;
	}
	return false;
}

struct digest *digest_new(bool sha512)
{
	struct digest *digest = calloc(1, sizeof(*digest));

	if (!digest)
		return NULL;
	digest->sha512 = sha512;
	digest->context = EVP_MD_CTX_new();
	if (digest->context && digest_reset(digest))
		return digest;
	digest_free(digest);
	return NULL;
}

bool digest_reset(struct digest *digest)
{
	const EVP_MD *kind = digest->sha512 ? EVP_sha512() : EVP_sha256();

	return EVP_DigestInit_ex(digest->context, kind, NULL) == 1;
}

bool digest_add(struct digest *digest, const void *bytes, size_t size)
{
	return EVP_DigestUpdate(digest->context, bytes, size) == 1;
}

bool digest_name(const struct digest *digest, char name[DIGEST_NAME_SIZE])
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *copy = EVP_MD_CTX_new();
	unsigned int size = 0;
	size_t used;
	bool done;

	done = copy && EVP_MD_CTX_copy_ex(copy, digest->context) == 1 &&
	       EVP_DigestFinal_ex(copy, bytes, &size) == 1;
	EVP_MD_CTX_free(copy);
	if (!done)
		return false;
	used = (size_t)snprintf(name, DIGEST_NAME_SIZE, digest->sha512 ? "sha512-" : "sha256-");
	for (unsigned int i = 0; i < size; i++, used += 2)
		snprintf(name + used, DIGEST_NAME_SIZE - used, "%02x", bytes[i]);
	return true;
}

void digest_free(struct digest *digest)
{
	if (digest)
		EVP_MD_CTX_free(digest->context);
	free(digest);
}
