// SPDX-License-Identifier: GPL-2.0-or-later
// Reads values that must be a word of a table.
#ifndef LAUNCHER_DEFINITION_TYPE_WORDS_H
#define LAUNCHER_DEFINITION_TYPE_WORDS_H

#include <stddef.h>

#include "launcher/yaml/schema.h"

/* struct word - a word that a value can be, and its number in an enum. */
struct word {
	const char *name;
	unsigned int value;
};

/* struct words - the constraint of type_words and of types that accept other values and words. */
struct words {
	const struct word *words;
	size_t count;
};

/* The target of each type. */
extern const struct type type_words;         /* an enum; constraint struct words */
extern const struct type type_words_unusual; /* the same; the value 0 is not written */
extern const struct type type_words_flag;    /* bool */

/* type_words_find() - find the word with this name, or return NULL. */
const struct word *type_words_find(const struct words *words, const char *name);

/* type_words_name() - find the name of a value, which must be that of a word. */
const char *type_words_name(const struct words *words, unsigned int value);

/* type_words_enumerate() - write "A, B or LAST" from words A and B; without @last, "A or B". */
void type_words_enumerate(const struct words *words, const char *last,
			  char text[SCHEMA_EXPECTED_SIZE]);

/* type_words_expect(), type_words_read() - for types that differ from type_words in writing. */
void type_words_expect(const struct key *key, char text[SCHEMA_EXPECTED_SIZE]);
void type_words_read(struct loader *loader, const struct key *key, const struct node *node,
		     void *target);

#endif
