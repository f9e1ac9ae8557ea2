// SPDX-License-Identifier: GPL-2.0-or-later
// Builds an argument vector for exec(2).
#ifndef LAUNCHER_COMMON_ARGV_H
#define LAUNCHER_COMMON_ARGV_H

#include <stddef.h>

#include "netsetup/base/error.h"

/**
 * struct argv - an argument vector; start with { 0 }.
 * @items: NULL-terminated; NULL if @count is 0.
 * @count: number of items without the NULL.
 * @failed: true if memory ran out: the vector must not be used. Callers check it once, at the end.
 */
struct argv {
	char **items;
	size_t count;
	size_t capacity;
	int failed;
};

/* argv_add() - append a copy of each text, as in argv_add(&argv, "-m", "512M", NULL). */
void argv_add(struct argv *argv, ...) __attribute__((sentinel));

/* argv_addf() - append one formatted argument. */
void argv_addf(struct argv *argv, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* argv_quoted() - return the command as an allocated line for a shell; NULL if memory runs out. */
char *argv_quoted(const struct argv *argv);

/* Size of the text of argv_word(), as that of a remedy: a longer word is cut. */
#define ARGV_WORD_SIZE ERROR_REMEDY_SIZE

/* argv_word() - quote a text, such as a path, as one word for a shell; returns @word. */
const char *argv_word(const char *text, char word[ARGV_WORD_SIZE]);

/* ARGV_WORD() - argv_word() with a buffer that lives to the end of the block. */
#define ARGV_WORD(text) argv_word(text, (char[ARGV_WORD_SIZE]){ 0 })

void argv_done(struct argv *argv);

#endif
