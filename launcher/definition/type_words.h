// SPDX-License-Identifier: GPL-2.0-or-later
// Reads values that are one of some words.
#ifndef LAUNCHER_DEFINITION_TYPE_WORDS_H
#define LAUNCHER_DEFINITION_TYPE_WORDS_H

#include <stddef.h>

#include "launcher/yaml/schema.h"

/* struct word - a word that a value can be, and what it stands for in an enum. */
struct word {
	const char *name;
	unsigned int value;
};

/* struct words - detail of type_words and of types that accept words besides other values. */
struct words {
	const struct word *words;
	size_t count;
};

/* Each type's target. */
extern const struct type type_words; /* an enum; detail struct words */
extern const struct type type_flag;  /* bool */

/* words_find() - the word of this name, or NULL. */
const struct word *words_find(const struct words *words, const char *name);

/* words_name() - the name of a value, which is one of the words. */
const char *words_name(const struct words *words, unsigned int value);

/* words_expect() - "none, user" as part of an enumeration: "A, B or LAST". */
void words_expect(const struct words *words, const char *last, char text[EXPECTED_SIZE]);

/* type_words_expect(), type_words_read() - those of type_words, for types that write otherwise. */
void type_words_expect(const struct key *key, char text[EXPECTED_SIZE]);
void type_words_read(struct walk *walk, const struct key *key, const struct node *node,
		     void *target);

#endif
