// SPDX-License-Identifier: GPL-2.0-or-later
// Builds an argument vector for exec(2).
#ifndef LAUNCHER_COMMON_ARGV_H
#define LAUNCHER_COMMON_ARGV_H

#include <stddef.h>

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

void argv_done(struct argv *argv);

#endif
