// SPDX-License-Identifier: GPL-2.0-or-later
// Reads a tree of nodes into a struct and back, by tables.
#include "launcher/yaml/schema.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/common/text.h"

/* schema_read_mapping() has a bit for each row. */
#define KEYS_MAX 32

/* Bytes of "LIST.INDEX". */
#define ENTRY_NAME_SIZE 64

const char schema_required[] = "required";

static void add_origin(struct loader *loader, const struct origin *origin)
{
	if (loader->origin_count == loader->origin_capacity) {
		size_t capacity = loader->origin_capacity ? 2 * loader->origin_capacity : 64;
		struct origin *origins = reallocarray(loader->origins, capacity, sizeof(*origins));

		if (!origins) {
			loader->failed = true;
			return;
		}
		loader->origins = origins;
		loader->origin_capacity = capacity;
	}
	loader->origins[loader->origin_count++] = *origin;
}

const struct origin *schema_origin(const struct loader *loader, const void *base, const char *name)
{
	for (size_t i = 0; i < loader->origin_count; i++)
		if (loader->origins[i].base == base && !strcmp(loader->origins[i].name, name))
			return &loader->origins[i];
	return NULL;
}

void schema_done(struct loader *loader)
{
	free(loader->origins);
	loader->origins = NULL;
	loader->origin_count = 0;
	loader->origin_capacity = 0;
}

static const char *expected(const struct key *key, char text[SCHEMA_EXPECTED_SIZE])
{
	if (key->type->expected)
		return key->type->expected;
	key->type->expect(key, text);
	return text;
}

void schema_refuse_meant(struct loader *loader, const struct key *key, const struct node *node,
			 const char *meant)
{
	char text[SCHEMA_EXPECTED_SIZE];

	if (node->kind != NODE_SCALAR)
		diagnostics_add(loader->diagnostics, &node->location, "'%s' must be %s, not %s",
				key->name, expected(key, text), document_kind_text(node));
	else
		diagnostics_add(loader->diagnostics, &node->location,
				"'%s' must be %s, not '%s'%s%s%s", key->name, expected(key, text),
				TEXT_SHORT(node->text), meant ? "; did you mean '" : "",
				meant ? meant : "", meant ? "'?" : "");
}

void schema_refuse(struct loader *loader, const struct key *key, const struct node *node)
{
	schema_refuse_meant(loader, key, node, NULL);
}

void schema_read_value(struct loader *loader, const struct key *key, const struct node *node,
		       void *target)
{
	if (node->null)
		diagnostics_add(loader->diagnostics, &node->location, "'%s' has no value",
				key->name);
	else if (!(key->type->node_kinds & node->kind))
		schema_refuse(loader, key, node);
	else
		key->type->read(loader, key, node, target);
}

static const struct key *keys_find(const struct keys *keys, const char *name)
{
	for (size_t i = 0; i < keys->count; i++)
		if (!strcmp(keys->keys[i].name, name))
			return &keys->keys[i];
	return NULL;
}

static void refuse_unknown(struct loader *loader, const struct keys *keys, const struct node *name)
{
	const char *nearest = text_nearest(name->text, keys->keys, keys->count,
					   sizeof(*keys->keys));

	diagnostics_add(loader->diagnostics, &name->location, "unknown key '%s'%s%s%s%s%s%s",
			TEXT_SHORT(name->text), keys->name ? " in '" : "",
			keys->name ? keys->name : "", keys->name ? "'" : "",
			nearest ? "; did you mean '" : "", nearest ? nearest : "",
			nearest ? "'?" : "");
}

static void read_default(struct loader *loader, const struct key *key, void *target)
{
	struct node node = { .kind = NODE_SCALAR };

	if (!key->default_text || key->default_text == schema_required)
		return;
	if (!strcmp(key->default_text, "{}"))
		node.kind = NODE_MAPPING;
	node.text = strdup(key->default_text);
	if (node.text)
		key->type->read(loader, key, &node, target);
	else
		loader->failed = true;
	free(node.text);
}

/* Reads a key and its value, and marks its row as seen. */
static void read_pair(struct loader *loader, const struct keys *keys, void *base,
		      const struct node *name, const struct node *value, uint32_t *seen)
{
	const struct key *key = keys_find(keys, name->text);
	uint32_t bit;

	if (!key) {
		refuse_unknown(loader, keys, name);
		return;
	}
	bit = UINT32_C(1) << (key - keys->keys);
	if (*seen & bit) {
		diagnostics_add(loader->diagnostics, &name->location, "repeated key '%s'",
				key->name);
		return;
	}
	*seen |= bit;
	if (value->null) {
		diagnostics_add(loader->diagnostics, &name->location, "'%s' has no value",
				key->name);
		return;
	}
	add_origin(loader, &(struct origin){ base, key->name, name, value });
	schema_read_value(loader, key, value, (char *)base + key->offset);
}

void schema_read_mapping(struct loader *loader, const struct node *node, const struct keys *keys,
			 void *base)
{
	uint32_t seen = 0;

	assert(keys->count <= KEYS_MAX);

	for (unsigned int i = 0; node && i + 1 < node->count; i += 2)
		read_pair(loader, keys, base, node->items[i], node->items[i + 1], &seen);
	for (size_t i = 0; i < keys->count; i++) {
		const struct key *key = &keys->keys[i];

		if (seen & (UINT32_C(1) << i))
			continue;
		if (key->default_text == schema_required && node)
			diagnostics_add(loader->diagnostics, &node->location,
					"required key '%s' is missing%s%s%s", key->name,
					keys->name ? " in '" : "", keys->name ? keys->name : "",
					keys->name ? "'" : "");
		read_default(loader, key, (char *)base + key->offset);
	}
}

/* Takes ownership of @value; returns false if memory ran out. */
static bool write_member(struct json_object *object, const struct key *key,
			 struct json_object *value)
{
	if (value == SCHEMA_WRITE_NOTHING)
		return true;
	if (!value)
		return false;
	if (json_object_object_add(object, key->name, value) == 0)
		return true;
	json_object_put(value);
	return false;
}

struct json_object *schema_write(const struct keys *keys, const void *base)
{
	struct json_object *object = json_object_new_object();

	for (size_t i = 0; object && i < keys->count; i++) {
		const struct key *key = &keys->keys[i];
		const void *target = (const char *)base + key->offset;

		if (write_member(object, key, key->type->write(key, target)))
			continue;
		json_object_put(object);
		return NULL;
	}
	return object;
}

void schema_write_entry(struct json_object **array, struct json_object *entry)
{
	if (*array && entry && json_object_array_add(*array, entry) == 0)
		return;
	json_object_put(entry);
	json_object_put(*array);
	*array = NULL;
}

static void read_mapping(struct loader *loader, const struct key *key, const struct node *node,
			 void *target)
{
	schema_read_mapping(loader, node, key->constraint, target);
}

static struct json_object *write_mapping(const struct key *key, const void *target)
{
	struct json_object *object = schema_write(key->constraint, target);

	if (object && json_object_object_length(object) == 0) {
		json_object_put(object);
		return SCHEMA_WRITE_NOTHING;
	}
	return object;
}

const struct type schema_type_mapping = {
	NODE_MAPPING, "a mapping of keys", NULL, read_mapping, write_mapping,
};

void schema_read_entry(struct loader *loader, const struct key *list, const struct key *entry,
		       const struct node *node, unsigned int index, void *target)
{
	struct key named = *entry;
	char name[ENTRY_NAME_SIZE];

	snprintf(name, sizeof(name), "%s.%u", list->name, index);
	named.name = name;
	schema_read_value(loader, &named, node, target);
}

static void read_list(struct loader *loader, const struct key *key, const struct node *node,
		      void *target)
{
	const struct list *list = key->constraint;
	unsigned int *count = (void *)((char *)target + list->count);
	const struct key item = { .type = list->item, .constraint = list->constraint };

	for (unsigned int i = 0; i < node->count; i++) {
		if (i == list->max) {
			diagnostics_add(loader->diagnostics, &node->items[i]->location,
					"'%s' has more than %u entries", key->name, list->max);
			return;
		}
		/* Count the entry first: its memory must be freed even if it is invalid. */
		*count = i + 1;
		schema_read_entry(loader, key, &item, node->items[i], i,
				  (char *)target + i * list->size);
	}
}

static struct json_object *write_list(const struct key *key, const void *target)
{
	const struct list *list = key->constraint;
	unsigned int count = *(const unsigned int *)(const void *)((const char *)target +
								   list->count);
	const struct key item = { .type = list->item, .constraint = list->constraint };
	struct json_object *array = json_object_new_array();

	for (unsigned int i = 0; array && i < count; i++)
		schema_write_entry(&array,
				   item.type->write(&item, (const char *)target + i * list->size));
	return array;
}

const struct type schema_type_list = {
	NODE_LIST, "a list", NULL, read_list, write_list,
};

static struct json_object *write_optional_list(const struct key *key, const void *target)
{
	const struct list *list = key->constraint;
	const unsigned int *count = (const void *)((const char *)target + list->count);

	return *count ? write_list(key, target) : SCHEMA_WRITE_NOTHING;
}

const struct type schema_type_optional_list = {
	NODE_LIST, "a list", NULL, read_list, write_optional_list,
};
