// SPDX-License-Identifier: GPL-2.0-or-later
// A growing argument vector for exec(2).
#ifndef LAUNCHER_COMMON_ARGV_H
#define LAUNCHER_COMMON_ARGV_H

#include <stddef.h>

/**
 * struct argv - an argument vector.
 * @items: NULL-terminated when not empty.
 * @count: without the NULL.
 * @failed: memory ran out; the vector is not to be used. Checked once, at the end.
 */
struct argv {
	char **items;
	size_t count;
	size_t capacity;
	int failed;
};

/* argv_add() - append a copy of each text; argv_add(&argv, "-m", "512M", NULL). */
void argv_add(struct argv *argv, ...) __attribute__((sentinel));

/* argv_addf() - append one formatted argument. */
void argv_addf(struct argv *argv, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* argv_quoted() - the command as one line for a shell, allocated; NULL when memory ran out. */
char *argv_quoted(const struct argv *argv);

void argv_done(struct argv *argv);

#endif
