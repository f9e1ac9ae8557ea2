// SPDX-License-Identifier: GPL-2.0-or-later
// Escapes untrusted octets (SSIDs, interface names) for a terminal or a shell.
#include "netsetup/base/printable.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

const char *printable(const void *octets, size_t count, char *text)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *octet = octets;
	char *end = text;

	for (size_t i = 0; i < count; i++) {
		if (octet[i] >= ' ' && octet[i] <= '~' && octet[i] != '\\') {
			*end++ = (char)octet[i];
			continue;
		}
		*end++ = '\\';
		*end++ = 'x';
		*end++ = digits[octet[i] >> 4];
		*end++ = digits[octet[i] & 15];
	}
	*end = '\0';
	return text;
}

const char *printable_word(const char *word, char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_@%+:,./-";
	const size_t length = strlen(word);

	assert(!strchr(word, '\''));

	if (length > 0 && strspn(word, plain) == length) {
		memcpy(text, word, length + 1);
		return text;
	}
	snprintf(text, PRINTABLE_WORD_SIZE(length), "'%s'", word);
	return text;
}
