// SPDX-License-Identifier: GPL-2.0-or-later
// Reads values that are one of some words.
#include "launcher/definition/type_words.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "launcher/common/text.h"
#include "netsetup/base/cleanup.h"

const struct word *words_find(const struct words *words, const char *name)
{
	for (size_t i = 0; i < words->count; i++)
		if (!strcmp(words->words[i].name, name))
			return &words->words[i];
	return NULL;
}

const char *words_name(const struct words *words, unsigned int value)
{
	for (size_t i = 0; i < words->count; i++)
		if (words->words[i].value == value)
			return words->words[i].name;
	assert(false);
	return "";
}

void words_expect(const struct words *words, const char *last, char text[EXPECTED_SIZE])
{
	size_t used = 0;

	for (size_t i = 0; i < words->count; i++) {
		bool end = !last && i == words->count - 1;

		used += (size_t)snprintf(text + used, EXPECTED_SIZE - used, "%s%s",
					 i == 0 ? ""
					 : end  ? " or "
						: ", ",
					 words->words[i].name);
		assert(used < EXPECTED_SIZE);
	}
	if (last)
		snprintf(text + used, EXPECTED_SIZE - used, " or %s", last);
}

void type_words_expect(const struct key *key, char text[EXPECTED_SIZE])
{
	words_expect(key->detail, NULL, text);
}

void type_words_read(struct walk *walk, const struct key *key, const struct node *node,
		     void *target)
{
	const struct words *words = key->detail;
	const struct word *word = words_find(words, node->text);

	if (word)
		*(unsigned int *)target = word->value;
	else
		walk_meant(walk, key, node,
			   text_nearest(node->text, words->words, words->count,
					sizeof(*words->words)));
}

static struct json_object *write_words(const struct key *key, const void *target)
{
	return json_object_new_string(words_name(key->detail, *(const unsigned int *)target));
}

const struct type type_words = { NODE_SCALAR, NULL, type_words_expect, type_words_read,
				 write_words };

/* Booleans of other readers, such as 'on', are refused with the word that was meant. */

static void read_flag(struct walk *walk, const struct key *key, const struct node *node,
		      void *target)
{
	static const char *const meant[][2] = {
		{ "yes", "true" }, { "on", "true" },   { "1", "true" },
		{ "no", "false" }, { "off", "false" }, { "0", "false" },
	};

	if (!strcmp(node->text, "true") || !strcmp(node->text, "false")) {
		*(bool *)target = node->text[0] == 't';
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(meant); i++) {
		if (!strcasecmp(node->text, meant[i][0])) {
			walk_meant(walk, key, node, meant[i][1]);
			return;
		}
	}
	walk_mismatch(walk, key, node);
}

static struct json_object *write_flag(const struct key *key, const void *target)
{
	return json_object_new_boolean(*(const bool *)target);
}

const struct type type_flag = { NODE_SCALAR, "true or false", NULL, read_flag, write_flag };
