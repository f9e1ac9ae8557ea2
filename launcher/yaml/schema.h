// SPDX-License-Identifier: GPL-2.0-or-later
// From a tree of nodes to a struct, by tables, and back to a tree for printing.
#ifndef LAUNCHER_YAML_SCHEMA_H
#define LAUNCHER_YAML_SCHEMA_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "launcher/yaml/diagnostics.h"
#include "launcher/yaml/document.h"
#include "netsetup/base/cleanup.h"

#define EXPECTED_SIZE 192

/* What is left out of a mapping that is written; no object. */
#define WRITE_NOTHING ((struct json_object *)-1)

struct key;
struct walk;

/**
 * struct type - how a value is read, checked and written back.
 * @shapes: enum node_kind bits that it accepts.
 * @expected: what it must be ("a size such as 512M"), for messages.
 * @expect: makes that text from the key's detail, when it depends on it; then @expected is NULL.
 * @read: reads a node of an accepted shape into @target, or says what is wrong with it.
 * @write: the value as the text of a definition has it, so that @read gets the same from it;
 *         WRITE_NOTHING when it is to be left out, NULL when memory ran out.
 */
struct type {
	unsigned int shapes;
	const char *expected;
	void (*expect)(const struct key *key, char text[EXPECTED_SIZE]);
	void (*read)(struct walk *walk, const struct key *key, const struct node *node,
		     void *target);
	struct json_object *(*write)(const struct key *key, const void *target);
};

/**
 * struct key - a row of a table.
 * @name: as it is written.
 * @type: of its value.
 * @offset: of the value in the mapping's struct.
 * @detail: what the type needs to know: its words, its range, its own keys.
 * @fallback: the value when the key is not there, as it would be written, "{}" for a mapping with
 *            fallbacks of its own; NULL: the struct keeps what it has, zero; key_required: its
 *            absence is an error.
 * @pin: how a lock file holds the value, an enum pin of definition/pin.h; 0 in a table of what is
 *       never locked.
 */
struct key {
	const char *name;
	const struct type *type;
	size_t offset;
	const void *detail;
	const char *fallback;
	unsigned int pin;
};

extern const char key_required[];

/**
 * struct keys - the table of a mapping.
 * @name: the mapping's, NULL for the definition itself.
 * @keys, @count: the rows, in the order in which they are printed.
 */
struct keys {
	const char *name;
	const struct key *keys;
	size_t count;
};

/**
 * struct list - what a list type needs to know; its target is the first entry.
 * @item: type of an entry.
 * @detail: of that type.
 * @size: of an entry in the array.
 * @max: entries.
 * @count: where the number of entries is, an unsigned int, as an offset from the first entry.
 */
struct list {
	const struct type *item;
	const void *detail;
	size_t size;
	unsigned int max;
	ptrdiff_t count;
};

/* SCHEMA_KEYS() - the table that rows make. */
#define SCHEMA_KEYS(name, rows) (&(const struct keys){ name, rows, ARRAY_SIZE(rows) })

/* SCHEMA_LIST() - a list whose entries are an array in a struct, which has their number, too. */
#define SCHEMA_LIST(item_type, item_detail, owner, array, counter)          \
	{                                                                   \
		.item = (item_type), .detail = (item_detail),               \
		.size = sizeof(((owner *)NULL)->array[0]),                  \
		.max = ARRAY_SIZE(((owner *)NULL)->array),                  \
		.count = offsetof(owner, counter) - offsetof(owner, array), \
	}

/**
 * struct origin - where a value was written.
 * @base, @name: the struct it is in, and its key.
 * @key, @value: the nodes.
 */
struct origin {
	const void *base;
	const char *name;
	const struct node *key;
	const struct node *value;
};

/**
 * struct walk - a reading.
 * @report: told all errors.
 * @directory: absolute; relative paths are relative to it.
 * @home: the user's, or NULL when not known.
 * @unpinned: images from URLs need no digest.
 * @origins, @origin_count, @origin_capacity: of the values that are in the text.
 * @failed: memory ran out.
 */
struct walk {
	struct report *report;
	const char *directory;
	const char *home;
	bool unpinned;
	struct origin *origins;
	size_t origin_count;
	size_t origin_capacity;
	bool failed;
};

/**
 * walk_mapping() - read a mapping into a struct.
 * @walk: the reading.
 * @node: the mapping, or NULL: fill in the fallbacks only.
 * @keys: its table.
 * @base: the struct.
 */
void walk_mapping(struct walk *walk, const struct node *node, const struct keys *keys, void *base);

/**
 * walk_value() - check the shape of a value and read it.
 * @walk: the reading.
 * @key: names it and has its type.
 * @node: the value.
 * @target: where it goes.
 */
void walk_value(struct walk *walk, const struct key *key, const struct node *node, void *target);

/**
 * walk_entry() - read an entry of a list.
 * @walk: the reading.
 * @list: the list's key; messages name the entry "LIST.INDEX", as --set does.
 * @entry: the entry's type and its detail.
 * @node: the entry.
 * @index: from 0.
 * @target: where it goes.
 */
void walk_entry(struct walk *walk, const struct key *list, const struct key *entry,
		const struct node *node, unsigned int index, void *target);

/* walk_mismatch() - "'memory' must be a size such as 512M, not 'lots'". */
void walk_mismatch(struct walk *walk, const struct key *key, const struct node *node);

/* walk_meant() - the same, with what was probably meant, when @meant is not NULL. */
void walk_meant(struct walk *walk, const struct key *key, const struct node *node,
		const char *meant);

/* walk_origin() - where the value of a key was written, or NULL when it was not. */
const struct origin *walk_origin(const struct walk *walk, const void *base, const char *name);

/* walk_done() - free what the walk itself owns. */
void walk_done(struct walk *walk);

/**
 * walk_write() - a struct as a tree.
 * @keys: its table.
 * @base: the struct.
 *
 * Return: an object, or NULL when memory ran out.
 */
struct json_object *walk_write(const struct keys *keys, const void *base);

/**
 * walk_write_entry() - append to an array that is being written.
 * @array: the array; freed and set to NULL when memory ran out; may be NULL already.
 * @entry: its next entry, taken over; NULL when memory ran out.
 */
void walk_write_entry(struct json_object **array, struct json_object *entry);

/* Lists of one type; the detail is a struct list. */
extern const struct type type_list;

/* The same for what few definitions have: left out when it would be empty. */
extern const struct type type_any;

/* A mapping; the detail is a struct keys. It is left out when it would be empty. */
extern const struct type type_mapping;

#endif
