// SPDX-License-Identifier: GPL-2.0-or-later
// Text from outside: UTF-8, what may be shown on a terminal, and the nearest of some words.
#ifndef LAUNCHER_COMMON_TEXT_H
#define LAUNCHER_COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TEXT_SHORT_SIZE 64

/**
 * text_decode() - the first character of UTF-8 text (RFC 3629: no surrogates, no overlong forms).
 * @bytes: the text.
 * @size: bytes that are there.
 * @character: the character; untouched on failure.
 *
 * Return: how many bytes it takes, 1..4, or 0 when it is not UTF-8 or nothing is left.
 */
size_t text_decode(const char *bytes, size_t size, uint32_t *character);

/**
 * text_control() - whether a character is one that no definition needs and that YAML refuses or
 * takes for a line end: C0 and C1 controls, DEL, line and paragraph separator, byte order mark,
 * U+FFFE and U+FFFF. Tab and line feed are among them.
 */
bool text_control(uint32_t character);

/**
 * text_safe() - whether a character can be shown: it is seen and does nothing else. Besides the
 * controls, those that change the direction of writing (and so could make a line look like
 * another), that are invisible or private are not.
 */
bool text_safe(uint32_t character);

/* text_clean() - whether text is UTF-8 without controls, but for those (ASCII) in @also. */
bool text_clean(const char *text, const char *also);

/* text_width() - columns of a terminal that a safe character takes: 0, 1 or 2. */
unsigned int text_width(uint32_t character);

/**
 * text_write() - write text so that it cannot act on a terminal.
 * @out: where to; what is not safe becomes "\n", "\t", "\x1b" or "\u202e".
 * @bytes: the text, of any bytes.
 * @size: how many.
 *
 * Return: bytes written.
 */
size_t text_write(FILE *out, const char *bytes, size_t size);

/**
 * text_format() - asprintf(3) that returns the text.
 * @format: printf format.
 *
 * Return: an allocated string, or NULL if memory runs out.
 */
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2), malloc));

/**
 * text_short() - a value for a message: whole, or cut between characters and ended by "...".
 * @text: the value.
 * @cut: room.
 *
 * Return: cut.
 */
const char *text_short(const char *text, char cut[TEXT_SHORT_SIZE]);

/* SHORT() - text_short() with room that lives to the end of the block. */
#define SHORT(text) text_short(text, (char[TEXT_SHORT_SIZE]){ 0 })

/**
 * text_nearest() - the word that was most likely meant.
 * @text: what was written.
 * @words: array of structs that each begin with a `const char *`.
 * @count: of the array.
 * @stride: size of one struct.
 *
 * Return: the nearest, at most a third of its letters away, or NULL.
 */
const char *text_nearest(const char *text, const void *words, size_t count, size_t stride);

#endif
