// SPDX-License-Identifier: GPL-2.0-or-later
// Prints the reader's tables as JSON, for the test that compares them with the JSON Schema.
#include <stdio.h>
#include <string.h>

#include "launcher/definition/keys.h"
#include "launcher/definition/type_cloud_init.h"
#include "launcher/definition/type_network.h"
#include "launcher/definition/type_number.h"
#include "launcher/definition/type_text.h"
#include "launcher/definition/type_words.h"
#include "netsetup/base/cleanup.h"

static struct json_object *mapping(const struct keys *keys);

static void add_text(struct json_object *object, const char *name, const char *text)
{
	json_object_object_add(object, name, json_object_new_string(text));
}

static void add_number(struct json_object *object, const char *name, uint64_t number)
{
	json_object_object_add(object, name, json_object_new_uint64(number));
}

static struct json_object *words(const struct words *words)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < words->count; i++)
		json_object_array_add(array, json_object_new_string(words->words[i].name));
	return array;
}

static void add_detail(struct json_object *row, const struct type *type, const void *constraint)
{
	const struct bounds *bounds = constraint;
	const struct limits *limits = constraint;
	const struct list *list = constraint;

	if (type == &type_words || type == &type_words_unusual || type == &type_network_kind) {
		json_object_object_add(row, "words", words(constraint));
	} else if (type == &type_number_count || type == &type_number_size ||
		   type == &type_number_duration) {
		add_number(row, "min", bounds->min);
		add_number(row, "max", bounds->max);
	} else if (type == &type_text) {
		add_number(row, "min-length", limits->min);
		add_number(row, "max-length", limits->max);
	} else if (type == &schema_type_list || type == &schema_type_optional_list ||
		   type == &type_cloud_init_ssh_keys || type == &type_cloud_init_command) {
		struct json_object *item = json_object_new_object();

		add_number(row, "max-items", list->max);
		add_detail(item, list->item, list->constraint);
		json_object_object_add(row, "item", item);
	} else if (type == &schema_type_mapping || type == &type_cloud_init ||
		   (type->node_kinds & NODE_MAPPING && constraint)) {
		json_object_object_add(row, "keys", mapping(constraint));
	}
}

static struct json_object *mapping(const struct keys *keys)
{
	struct json_object *object = json_object_new_object();

	for (size_t i = 0; i < keys->count; i++) {
		const struct key *key = &keys->keys[i];
		struct json_object *row = json_object_new_object();

		if (key->default_text == schema_required)
			json_object_object_add(row, "required", json_object_new_boolean(true));
		else if (key->default_text)
			add_text(row, "fallback", key->default_text);
		add_detail(row, key->type, key->constraint);
		json_object_object_add(object, key->name, row);
	}
	return object;
}

int main(void)
{
	struct json_object *object = mapping(&keys_definition);

	printf("%s\n", json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY));
	json_object_put(object);
	return 0;
}
