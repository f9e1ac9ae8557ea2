// SPDX-License-Identifier: GPL-2.0-or-later
// Checks and prints untrusted UTF-8 text, formats text, and finds the nearest word.
#ifndef LAUNCHER_COMMON_TEXT_H
#define LAUNCHER_COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TEXT_SHORT_SIZE 64

/**
 * text_decode() - decode the first character of UTF-8 text (RFC 3629: no surrogates, no overlong
 * forms).
 * @character: untouched on failure.
 *
 * Return: its length in bytes, 1 to 4; 0 if it is not UTF-8 or @size is 0.
 */
size_t text_decode(const char *bytes, size_t size, uint32_t *character);

/**
 * text_control() - true if YAML refuses a character or reads it as a line end, and no definition
 * needs it: C0 and C1 controls with tab and line feed, DEL, line and paragraph separator, byte
 * order mark, U+FFFE and U+FFFF.
 */
bool text_control(uint32_t character);

/**
 * text_safe() - true if a terminal shows a character and does nothing else. False for controls and
 * for invisible or private characters, and for those that change the direction of writing, which
 * could make a line look like another.
 */
bool text_safe(uint32_t character);

/* text_clean() - true if text is UTF-8 without controls but the ASCII ones in @also. */
bool text_clean(const char *text, const char *also);

/* text_width() - return the columns that a safe character takes on a terminal: 0, 1 or 2. */
unsigned int text_width(uint32_t character);

/**
 * text_write() - write text so that it cannot act on a terminal.
 * @out: gets the text; an unsafe character becomes "\n", "\t", "\x1b" or "\u202e".
 * @bytes: the text, of any bytes.
 *
 * Return: number of bytes written.
 */
size_t text_write(FILE *out, const char *bytes, size_t size);

/* text_format() - return the text of asprintf(3), or NULL if memory runs out. */
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2), malloc));

/**
 * text_short() - copy a value for a message; cut a long one between characters and append "...".
 *
 * Return: @cut.
 */
const char *text_short(const char *text, char cut[TEXT_SHORT_SIZE]);

/* TEXT_SHORT() - text_short() with a buffer that lives to the end of the block. */
#define TEXT_SHORT(text) text_short(text, (char[TEXT_SHORT_SIZE]){ 0 })

/**
 * text_nearest() - find the word that the user most likely meant.
 * @text: the misspelt word.
 * @words: array of @count structs of @stride bytes that each begin with a `const char *`.
 *
 * Return: the nearest word, if at most a third of its letters differ, or NULL.
 */
const char *text_nearest(const char *text, const void *words, size_t count, size_t stride);

/* text_write_base64() - write bytes in base64 (RFC 4648, section 4), without a line end. */
void text_write_base64(FILE *out, const void *bytes, size_t size);

#endif
