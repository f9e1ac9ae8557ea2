// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the surrogate pairs of JSON, which libyaml refuses.
#include "launcher/yaml/surrogate.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

/*
 * Theory of operation: JSON writes a character above U+FFFF as two escapes, "\ud83d\ude00". Only
 * libyaml knows where a double-quoted scalar begins, but it stops at such an escape. Therefore each
 * surrogate U+D800 to U+DFFF is hidden before libyaml reads the text: its first digit 'd' becomes
 * an 'e', which makes it a private character, U+E800 to U+EFFF. Afterwards the private characters
 * of double-quoted scalars are surrogates, and the escapes in other scalars get their 'd' back.
 * This is exact, because a text that has one of these private characters itself is left alone.
 */

/* UTF-8 of U+E800 to U+EFFF: three bytes, the first of which is this one. */
#define PRIVATE_LEAD '\xee'

/* Returns the first digit of the escape "\uXXXX" if it is in X800 to XFFF, else NULL. */
static char *escape_digit(char *escape)
{
	if (escape[1] != 'u' || strspn(escape + 2, "0123456789abcdefABCDEF") < 4 ||
	    strchr("01234567", escape[3]))
		return NULL;
	return escape + 2;
}

static bool private_utf8(const char *text)
{
	return text[0] == PRIVATE_LEAD && (uint8_t)text[1] >= 0xa0;
}

/* Returns true if the text has a private character of these, raw or as an escape. */
static bool has_private(const char *text)
{
	for (; *text; text++) {
		if (private_utf8(text))
			return true;
		if (text[0] == '\\' && text[1] == 'u' && tolower((unsigned char)text[2]) == 'e')
			return true;
		if (!strncasecmp(text, "\\U0000e", strlen("\\U0000e")))
			return true;
	}
	return false;
}

/*
 * Replaces one digit by another in each escape of X800 to XFFF. A backslash before the escape makes
 * it text, which libyaml does not refuse.
 */
static bool replace(char *text, char from, char to)
{
	bool replaced = false;

	for (char *at = text; (at = strchr(at, '\\')); at += at[1] ? 2 : 1) {
		char *digit = escape_digit(at);

		if (!digit || tolower((unsigned char)*digit) != from)
			continue;
		*digit = (char)(*digit + to - from);
		replaced = true;
	}
	return replaced;
}

bool surrogate_hide(char *text)
{
	return !has_private(text) && replace(text, 'd', 'e');
}

/* Returns the surrogate that a private character stands for, or 0. */
static uint32_t surrogate_at(const char *text)
{
	if (!private_utf8(text))
		return 0;
	/* 0xe800 - 0xd800 is 0x1000. */
	return ((text[0] & 0x0fu) << 12 | (text[1] & 0x3fu) << 6 | (text[2] & 0x3fu)) - 0x1000;
}

/* Writes a character above U+FFFF. */
static void encode(uint32_t character, char out[4])
{
	out[0] = (char)(0xf0 | character >> 18);
	out[1] = (char)(0x80 | (character >> 12 & 0x3f));
	out[2] = (char)(0x80 | (character >> 6 & 0x3f));
	out[3] = (char)(0x80 | (character & 0x3f));
}

static bool join_pairs(char *text)
{
	char *out = text;

	while (*text) {
		const uint32_t high = surrogate_at(text);
		const uint32_t low = high ? surrogate_at(text + 3) : 0;

		if (!high) {
			*out++ = *text++;
			continue;
		}
		if (high >= 0xdc00 || low < 0xdc00)
			return false;
		encode(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00), out);
		out += 4;
		text += 6;
	}
	*out = '\0';
	return true;
}

bool surrogate_show(char *text, bool quoted)
{
	if (quoted)
		return join_pairs(text);
	replace(text, 'e', 'd');
	return true;
}
