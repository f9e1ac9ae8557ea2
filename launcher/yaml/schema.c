// SPDX-License-Identifier: GPL-2.0-or-later
// From a tree of nodes to a struct, by tables, and back to a tree for printing.
#include "launcher/yaml/schema.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/common/text.h"

/* A table has a bit for each of its rows. */
#define KEYS_MAX 32

/* The name of a list and an index. */
#define ENTRY_NAME_SIZE 64

const char key_required[] = "required";

static void walk_remember(struct walk *walk, const struct origin *origin)
{
	if (walk->origin_count == walk->origin_capacity) {
		size_t capacity = walk->origin_capacity ? 2 * walk->origin_capacity : 64;
		struct origin *origins = reallocarray(walk->origins, capacity, sizeof(*origins));

		if (!origins) {
			walk->failed = true;
			return;
		}
		walk->origins = origins;
		walk->origin_capacity = capacity;
	}
	walk->origins[walk->origin_count++] = *origin;
}

const struct origin *walk_origin(const struct walk *walk, const void *base, const char *name)
{
	for (size_t i = 0; i < walk->origin_count; i++)
		if (walk->origins[i].base == base && !strcmp(walk->origins[i].name, name))
			return &walk->origins[i];
	return NULL;
}

void walk_done(struct walk *walk)
{
	free(walk->origins);
	walk->origins = NULL;
	walk->origin_count = 0;
	walk->origin_capacity = 0;
}

static const char *expected(const struct key *key, char text[EXPECTED_SIZE])
{
	if (key->type->expected)
		return key->type->expected;
	key->type->expect(key, text);
	return text;
}

void walk_meant(struct walk *walk, const struct key *key, const struct node *node,
		const char *meant)
{
	char text[EXPECTED_SIZE];

	if (node->kind != NODE_SCALAR)
		report_add(walk->report, &node->place, "'%s' must be %s, not %s", key->name,
			   expected(key, text), node_kind_text(node));
	else
		report_add(walk->report, &node->place, "'%s' must be %s, not '%s'%s%s%s", key->name,
			   expected(key, text), SHORT(node->text), meant ? "; did you mean '" : "",
			   meant ? meant : "", meant ? "'?" : "");
}

void walk_mismatch(struct walk *walk, const struct key *key, const struct node *node)
{
	walk_meant(walk, key, node, NULL);
}

void walk_value(struct walk *walk, const struct key *key, const struct node *node, void *target)
{
	if (node->null)
		report_add(walk->report, &node->place, "'%s' has no value", key->name);
	else if (!(key->type->shapes & node->kind))
		walk_mismatch(walk, key, node);
	else
		key->type->read(walk, key, node, target);
}

static const struct key *keys_find(const struct keys *keys, const char *name)
{
	for (size_t i = 0; i < keys->count; i++)
		if (!strcmp(keys->keys[i].name, name))
			return &keys->keys[i];
	return NULL;
}

static void walk_unknown(struct walk *walk, const struct keys *keys, const struct node *name)
{
	const char *nearest = text_nearest(name->text, keys->keys, keys->count,
					   sizeof(*keys->keys));

	report_add(walk->report, &name->place, "unknown key '%s'%s%s%s%s%s%s", SHORT(name->text),
		   keys->name ? " in '" : "", keys->name ? keys->name : "", keys->name ? "'" : "",
		   nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

static void walk_fallback(struct walk *walk, const struct key *key, void *target)
{
	struct node node = { .kind = NODE_SCALAR };

	if (!key->fallback || key->fallback == key_required)
		return;
	if (!strcmp(key->fallback, "{}"))
		node.kind = NODE_MAPPING;
	node.text = strdup(key->fallback);
	if (node.text)
		key->type->read(walk, key, &node, target);
	else
		walk->failed = true;
	free(node.text);
}

/* Reads a key and its value, and marks its row as seen. */
static void walk_pair(struct walk *walk, const struct keys *keys, void *base,
		      const struct node *name, const struct node *value, uint32_t *seen)
{
	const struct key *key = keys_find(keys, name->text);
	uint32_t bit;

	if (!key) {
		walk_unknown(walk, keys, name);
		return;
	}
	bit = UINT32_C(1) << (key - keys->keys);
	if (*seen & bit) {
		report_add(walk->report, &name->place, "repeated key '%s'", key->name);
		return;
	}
	*seen |= bit;
	if (value->null) {
		report_add(walk->report, &name->place, "'%s' has no value", key->name);
		return;
	}
	walk_remember(walk, &(struct origin){ base, key->name, name, value });
	walk_value(walk, key, value, (char *)base + key->offset);
}

void walk_mapping(struct walk *walk, const struct node *node, const struct keys *keys, void *base)
{
	uint32_t seen = 0;

	assert(keys->count <= KEYS_MAX);

	for (unsigned int i = 0; node && i + 1 < node->count; i += 2)
		walk_pair(walk, keys, base, node->items[i], node->items[i + 1], &seen);
	for (size_t i = 0; i < keys->count; i++) {
		const struct key *key = &keys->keys[i];

		if (seen & (UINT32_C(1) << i))
			continue;
		if (key->fallback == key_required && node)
			report_add(walk->report, &node->place, "required key '%s' is missing%s%s%s",
				   key->name, keys->name ? " in '" : "",
				   keys->name ? keys->name : "", keys->name ? "'" : "");
		walk_fallback(walk, key, (char *)base + key->offset);
	}
}

/* Takes the value over; returns false when memory ran out. */
static bool write_member(struct json_object *object, const struct key *key,
			 struct json_object *value)
{
	if (value == WRITE_NOTHING)
		return true;
	if (!value)
		return false;
	if (json_object_object_add(object, key->name, value) == 0)
		return true;
	json_object_put(value);
	return false;
}

struct json_object *walk_write(const struct keys *keys, const void *base)
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

void walk_write_entry(struct json_object **array, struct json_object *entry)
{
	if (*array && entry && json_object_array_add(*array, entry) == 0)
		return;
	json_object_put(entry);
	json_object_put(*array);
	*array = NULL;
}

static void read_mapping(struct walk *walk, const struct key *key, const struct node *node,
			 void *target)
{
	walk_mapping(walk, node, key->detail, target);
}

static struct json_object *write_mapping(const struct key *key, const void *target)
{
	struct json_object *object = walk_write(key->detail, target);

	if (object && json_object_object_length(object) == 0) {
		json_object_put(object);
		return WRITE_NOTHING;
	}
	return object;
}

const struct type type_mapping = {
	NODE_MAPPING, "a mapping of keys", NULL, read_mapping, write_mapping,
};

void walk_entry(struct walk *walk, const struct key *list, const struct key *entry,
		const struct node *node, unsigned int index, void *target)
{
	struct key named = *entry;
	char name[ENTRY_NAME_SIZE];

	snprintf(name, sizeof(name), "%s.%u", list->name, index);
	named.name = name;
	walk_value(walk, &named, node, target);
}

static void read_list(struct walk *walk, const struct key *key, const struct node *node,
		      void *target)
{
	const struct list *list = key->detail;
	unsigned int *count = (void *)((char *)target + list->count);
	const struct key item = { .type = list->item, .detail = list->detail };

	for (unsigned int i = 0; i < node->count; i++) {
		if (i == list->max) {
			report_add(walk->report, &node->items[i]->place,
				   "'%s' has more than %u entries", key->name, list->max);
			return;
		}
		/* First, so that what a broken entry holds is freed with the others. */
		*count = i + 1;
		walk_entry(walk, key, &item, node->items[i], i, (char *)target + i * list->size);
	}
}

static struct json_object *write_list(const struct key *key, const void *target)
{
	const struct list *list = key->detail;
	unsigned int count = *(const unsigned int *)(const void *)((const char *)target +
								   list->count);
	const struct key item = { .type = list->item, .detail = list->detail };
	struct json_object *array = json_object_new_array();

	for (unsigned int i = 0; array && i < count; i++)
		walk_write_entry(&array,
				 item.type->write(&item, (const char *)target + i * list->size));
	return array;
}

const struct type type_list = {
	NODE_LIST, "a list", NULL, read_list, write_list,
};

static struct json_object *write_any(const struct key *key, const void *target)
{
	const struct list *list = key->detail;
	const unsigned int *count = (const void *)((const char *)target + list->count);

	return *count ? write_list(key, target) : WRITE_NOTHING;
}

const struct type type_any = {
	NODE_LIST, "a list", NULL, read_list, write_any,
};
