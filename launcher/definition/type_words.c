// SPDX-License-Identifier: GPL-2.0-or-later
// Reads values that must be a word of a table.
#include "launcher/definition/type_words.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "launcher/common/text.h"
#include "netsetup/base/cleanup.h"

const struct word *type_words_find(const struct words *words, const char *name)
{
	for (size_t i = 0; i < words->count; i++)
		if (!strcmp(words->words[i].name, name))
			return &words->words[i];
	return NULL;
}

const char *type_words_name(const struct words *words, unsigned int value)
{
	for (size_t i = 0; i < words->count; i++)
		if (words->words[i].value == value)
			return words->words[i].name;
	assert(false);
	return "";
}

void type_words_enumerate(const struct words *words, const char *last,
			  char text[SCHEMA_EXPECTED_SIZE])
{
	size_t used = 0;

	for (size_t i = 0; i < words->count; i++) {
		bool end = !last && i == words->count - 1;

		used += (size_t)snprintf(text + used, SCHEMA_EXPECTED_SIZE - used, "%s%s",
					 i == 0 ? ""
					 : end  ? " or "
						: ", ",
					 words->words[i].name);
		assert(used < SCHEMA_EXPECTED_SIZE);
	}
	if (last)
		snprintf(text + used, SCHEMA_EXPECTED_SIZE - used, " or %s", last);
}

void type_words_expect(const struct key *key, char text[SCHEMA_EXPECTED_SIZE])
{
	type_words_enumerate(key->constraint, NULL, text);
}

void type_words_read(struct loader *loader, const struct key *key, const struct node *node,
		     void *target)
{
	const struct words *words = key->constraint;
	const struct word *word = type_words_find(words, node->text);

	if (word)
		*(unsigned int *)target = word->value;
	else
		schema_refuse_meant(loader, key, node,
				    text_nearest(node->text, words->words, words->count,
						 sizeof(*words->words)));
}

static struct json_object *write_words(const struct key *key, const void *target)
{
	return json_object_new_string(
		type_words_name(key->constraint, *(const unsigned int *)target));
}

const struct type type_words = { NODE_SCALAR, NULL, type_words_expect, type_words_read,
				 write_words };

static struct json_object *write_unusual(const struct key *key, const void *target)
{
	return *(const unsigned int *)target ? write_words(key, target) : SCHEMA_WRITE_NOTHING;
}

const struct type type_words_unusual = { NODE_SCALAR, NULL, type_words_expect, type_words_read,
					 write_unusual };

/* Refuses the booleans of YAML 1.1, such as 'on' and 'False', and suggests 'true' or 'false'. */
static void read_flag(struct loader *loader, const struct key *key, const struct node *node,
		      void *target)
{
	static const char *const meant[][2] = {
		{ "true", "true" },   { "yes", "true" }, { "on", "true" },   { "1", "true" },
		{ "false", "false" }, { "no", "false" }, { "off", "false" }, { "0", "false" },
	};

	if (!strcmp(node->text, "true") || !strcmp(node->text, "false")) {
		*(bool *)target = node->text[0] == 't';
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(meant); i++) {
		if (!strcasecmp(node->text, meant[i][0])) {
			schema_refuse_meant(loader, key, node, meant[i][1]);
			return;
		}
	}
	schema_refuse(loader, key, node);
}

static struct json_object *write_flag(const struct key *key, const void *target)
{
	return json_object_new_boolean(*(const bool *)target);
}

const struct type type_words_flag = { NODE_SCALAR, "true or false", NULL, read_flag, write_flag };
