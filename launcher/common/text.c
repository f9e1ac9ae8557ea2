// SPDX-License-Identifier: GPL-2.0-or-later
// Checks and prints untrusted UTF-8 text, formats text, and finds the nearest word.
#include "launcher/common/text.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "netsetup/base/cleanup.h"

/* Words of a definition are shorter; text_nearest() finds nothing for a longer text. */
#define WORD_MAX 24

struct span {
	uint32_t first;
	uint32_t last;
};

static const struct span controls[] = {
	{ 0x0000, 0x001f }, /* C0 */
	{ 0x007f, 0x009f }, /* DEL, C1 with CSI and NEL */
	{ 0x2028, 0x2029 }, /* line and paragraph separator */
	{ 0xd800, 0xdfff }, /* surrogates */
	{ 0xfeff, 0xfeff }, /* byte order mark */
	{ 0xfffe, 0xffff }, /* noncharacters */
};

static const struct span hidden[] = {
	{ 0x061c, 0x061c },    /* Arabic letter mark */
	{ 0x200b, 0x200f },    /* zero width, direction marks */
	{ 0x202a, 0x202e },    /* embeddings, overrides */
	{ 0x2060, 0x206f },    /* invisible operators, isolates */
	{ 0xe000, 0xf8ff },    /* private use: no common glyph */
	{ 0xfdd0, 0xfdef },    /* noncharacters */
	{ 0xfff0, 0xfffb },    /* interlinear annotation */
	{ 0xe0000, 0xe0fff },  /* tags */
	{ 0xf0000, 0x10ffff }, /* private use */
};

static const struct span wide[] = {
	{ 0x1100, 0x115f },   { 0x2e80, 0x303e },   { 0x3041, 0xa4cf },   { 0xac00, 0xd7a3 },
	{ 0xf900, 0xfaff },   { 0xfe30, 0xfe6f },   { 0xff00, 0xff60 },   { 0xffe0, 0xffe6 },
	{ 0x1f300, 0x1f64f }, { 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd },
};

static const struct span combining[] = {
	{ 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd }, { 0x1ab0, 0x1aff },
	{ 0x1dc0, 0x1dff }, { 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f },
};

static bool within(uint32_t character, const struct span *spans, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (character >= spans[i].first && character <= spans[i].last)
			return true;
	return false;
}

size_t text_decode(const char *bytes, size_t size, uint32_t *character)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char lead;
	uint32_t value;
	size_t length;

	if (size == 0)
		return 0;
	lead = (unsigned char)bytes[0];
	if (lead < 0x80) {
		*character = lead;
		return 1;
	}
	length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
	if (lead < 0xc2 || lead > 0xf4 || size < length)
		return 0;
	value = lead & (0xffu >> (length + 1));
	for (size_t i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (bytes[i] & 0x3f);
	}
	if (value < smallest[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*character = value;
	return length;
}

bool text_control(uint32_t character)
{
	return within(character, controls, ARRAY_SIZE(controls));
}

bool text_safe(uint32_t character)
{
	return !text_control(character) && !within(character, hidden, ARRAY_SIZE(hidden));
}

bool text_clean(const char *text, const char *also)
{
	size_t size = strlen(text);
	uint32_t character = 0;
	size_t length;

	for (size_t i = 0; i < size; i += length) {
		length = text_decode(text + i, size - i, &character);
		if (!length)
			return false;
		if (text_control(character) && !(character < 0x80 && strchr(also, text[i])))
			return false;
	}
	return true;
}

unsigned int text_width(uint32_t character)
{
	if (within(character, combining, ARRAY_SIZE(combining)))
		return 0;
	return within(character, wide, ARRAY_SIZE(wide)) ? 2 : 1;
}

static size_t write_escaped(FILE *out, uint32_t character)
{
	int written;

	if (character == '\n' || character == '\t')
		written = fputs(character == '\n' ? "\\n" : "\\t", out) < 0 ? 0 : 2;
	else if (character < 0x100)
		written = fprintf(out, "\\x%02x", character);
	else
		written = fprintf(out, "\\u%04x", character);
	return written < 0 ? 0 : (size_t)written;
}

size_t text_write(FILE *out, const char *bytes, size_t size)
{
	uint32_t character = 0;
	size_t written = 0;
	size_t length;

	for (size_t i = 0; i < size; i += length) {
		length = text_decode(bytes + i, size - i, &character);
		if (length && text_safe(character)) {
			written += fwrite(bytes + i, 1, length, out);
			continue;
		}
		if (!length) {
			character = (unsigned char)bytes[i];
			length = 1;
		}
		written += write_escaped(out, character);
	}
	return written;
}

char *text_format(const char *format, ...)
{
	char *text;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	return text;
}

const char *text_short(const char *text, char cut[TEXT_SHORT_SIZE])
{
	size_t length = strnlen(text, TEXT_SHORT_SIZE);

	if (length < TEXT_SHORT_SIZE)
		return memcpy(cut, text, length + 1);
	length = TEXT_SHORT_SIZE - 4;
	while (length > 0 && (text[length] & 0xc0) == 0x80)
		length--;
	memcpy(cut, text, length);
	memcpy(cut + length, "...", 4);
	return cut;
}

static unsigned int min(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* Counts the letters to insert, drop, replace or swap with their neighbour, ignoring case. */
static unsigned int distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	unsigned int cost[WORD_MAX + 1][WORD_MAX + 1];

	for (size_t i = 0; i <= a_length; i++) {
		for (size_t k = 0; k <= b_length; k++) {
			unsigned int differ;

			if (i == 0 || k == 0) {
				cost[i][k] = (unsigned int)(i + k);
				continue;
			}
			differ = tolower((unsigned char)a[i - 1]) !=
				 tolower((unsigned char)b[k - 1]);
			cost[i][k] = min(min(cost[i - 1][k], cost[i][k - 1]) + 1,
					 cost[i - 1][k - 1] + differ);
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
				cost[i][k] = min(cost[i][k], cost[i - 2][k - 2] + 1);
		}
	}
	return cost[a_length][b_length];
}

const char *text_nearest(const char *text, const void *words, size_t count, size_t stride)
{
	size_t length = strnlen(text, WORD_MAX + 1);
	const char *nearest = NULL;
	unsigned int best = WORD_MAX;

	if (length > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		const void *row = (const char *)words + i * stride;
		const char *word = *(const char *const *)row;
		size_t word_length = strlen(word);
		unsigned int letters;

		if (word_length > WORD_MAX)
			continue;
		letters = distance(text, length, word, word_length);
		if (letters < best && letters <= (word_length + 1) / 3) {
			best = letters;
			nearest = word;
		}
	}
	return nearest;
}

void text_write_base64(FILE *out, const void *bytes, size_t size)
{
	const unsigned char *data = bytes;
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";

	for (size_t i = 0; i < size; i += 3) {
		size_t left = size - i;
		unsigned int bits = (unsigned int)data[i] << 16;

		bits |= left > 1 ? (unsigned int)data[i + 1] << 8 : 0;
		bits |= left > 2 ? data[i + 2] : 0;
		fputc(digits[bits >> 18], out);
		fputc(digits[bits >> 12 & 63], out);
		fputc(left > 1 ? digits[bits >> 6 & 63] : '=', out);
		fputc(left > 2 ? digits[bits & 63] : '=', out);
	}
}
