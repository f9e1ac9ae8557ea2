// SPDX-License-Identifier: GPL-2.0-or-later
// Reads a tree of nodes into a struct and back, by tables.
#ifndef LAUNCHER_YAML_SCHEMA_H
#define LAUNCHER_YAML_SCHEMA_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "launcher/yaml/diagnostics.h"
#include "launcher/yaml/document.h"
#include "netsetup/base/cleanup.h"

#define SCHEMA_EXPECTED_SIZE 192

/* Result of struct type.write for a key to leave out; not a valid pointer. */
#define SCHEMA_WRITE_NOTHING ((struct json_object *)-1)

struct key;
struct loader;

/**
 * struct type - functions that read, check and write a kind of value.
 * @node_kinds: enum node_kind bits that it accepts.
 * @expected: description of valid values for messages: "a size such as 512M".
 * @expect: writes this description if it depends on the key's constraint; then @expected is NULL.
 * @read: reads a node of an accepted kind into @target, or adds an error.
 * @write: returns the value in a form that @read reads back; SCHEMA_WRITE_NOTHING to leave out
 *         the key; NULL if memory ran out.
 */
struct type {
	unsigned int node_kinds;
	const char *expected;
	void (*expect)(const struct key *key, char text[SCHEMA_EXPECTED_SIZE]);
	void (*read)(struct loader *loader, const struct key *key, const struct node *node,
		     void *target);
	struct json_object *(*write)(const struct key *key, const void *target);
};

/**
 * struct key - a row of a table.
 * @name: the key in the text.
 * @type: type of its value.
 * @offset: offset of the value in the mapping's struct.
 * @constraint: argument for the type: its words, its range, its own keys.
 * @default_text: text of the default; "{}" for a mapping whose keys have defaults; NULL for no
 *                default, the value stays zero; schema_required if the key must be there.
 * @pin: enum pin of definition/pin.h: kind of entry that a lock file has for the value; 0 in tables
 *       whose values are never locked.
 */
struct key {
	const char *name;
	const struct type *type;
	size_t offset;
	const void *constraint;
	const char *default_text;
	unsigned int pin;
};

extern const char schema_required[];

/**
 * struct keys - the table of a mapping.
 * @name: name of the mapping, NULL for the root.
 * @keys, @count: the rows, in the order in which they are printed.
 */
struct keys {
	const char *name;
	const struct key *keys;
	size_t count;
};

/**
 * struct list - the constraint of a list type, whose target is the first entry of an array.
 * @item: type of an entry.
 * @constraint: argument for @item.
 * @size: bytes of an entry in the array.
 * @max: maximum number of entries.
 * @count: offset of the number of entries, an unsigned int, from the first entry.
 */
struct list {
	const struct type *item;
	const void *constraint;
	size_t size;
	unsigned int max;
	ptrdiff_t count;
};

/* SCHEMA_KEYS() - a pointer to a table with these rows. */
#define SCHEMA_KEYS(name, rows) (&(const struct keys){ name, rows, ARRAY_SIZE(rows) })

/* SCHEMA_LIST() - a list whose entries and their number are members of one struct. */
#define SCHEMA_LIST(item_type, item_constraint, owner, array, counter)      \
	{                                                                   \
		.item = (item_type), .constraint = (item_constraint),       \
		.size = sizeof(((owner *)NULL)->array[0]),                  \
		.max = ARRAY_SIZE(((owner *)NULL)->array),                  \
		.count = offsetof(owner, counter) - offsetof(owner, array), \
	}

/**
 * struct origin - the nodes that a value was read from.
 * @base, @name: struct with the value, and its key.
 * @key, @value: nodes of the key and the value.
 */
struct origin {
	const void *base;
	const char *name;
	const struct node *key;
	const struct node *value;
};

/**
 * struct loader - the state while a tree is read.
 * @diagnostics: gets all errors.
 * @directory: absolute path that relative paths start from.
 * @home: the user's home directory, or NULL if unknown.
 * @unpinned: true if images from URLs need no digest.
 * @user_data: gets the text of the user-data, for messages about it; the caller empties it.
 * @origins, @origin_count, @origin_capacity: one for each value in the text.
 * @failed: true if memory ran out.
 */
struct loader {
	struct diagnostics *diagnostics;
	const char *directory;
	const char *home;
	bool unpinned;
	struct source *user_data;
	struct origin *origins;
	size_t origin_count;
	size_t origin_capacity;
	bool failed;
};

/**
 * schema_read_mapping() - read a mapping into a struct.
 * @node: the mapping, or NULL to set only defaults.
 * @keys: table of the mapping.
 * @base: the struct.
 */
void schema_read_mapping(struct loader *loader, const struct node *node, const struct keys *keys,
			 void *base);

/**
 * schema_read_value() - check the kind of a value and read it.
 * @key: name for messages, type and constraint.
 * @target: output, as the type defines it.
 */
void schema_read_value(struct loader *loader, const struct key *key, const struct node *node,
		       void *target);

/**
 * schema_read_entry() - read an entry of a list.
 * @list: key of the list; messages name the entry "LIST.INDEX", as --set does.
 * @entry: type and constraint of the entry.
 * @index: from 0.
 * @target: output, as the type defines it.
 */
void schema_read_entry(struct loader *loader, const struct key *list, const struct key *entry,
		       const struct node *node, unsigned int index, void *target);

/* schema_refuse() - add an error: "'memory' must be a size such as 512M, not 'lots'". */
void schema_refuse(struct loader *loader, const struct key *key, const struct node *node);

/* schema_refuse_meant() - the same, and suggest @meant, which may be NULL. */
void schema_refuse_meant(struct loader *loader, const struct key *key, const struct node *node,
			 const char *meant);

/* schema_origin() - find the nodes of a key and its value; NULL if the text does not have it. */
const struct origin *schema_origin(const struct loader *loader, const void *base, const char *name);

/* schema_done() - free what the loader owns. */
void schema_done(struct loader *loader);

/**
 * schema_write() - write a struct as a tree.
 * @keys: table of the struct.
 *
 * Return: an object, or NULL if memory ran out.
 */
struct json_object *schema_write(const struct keys *keys, const void *base);

/**
 * schema_write_entry() - append an entry to an array.
 * @array: may point to NULL; freed and set to NULL if memory ran out.
 * @entry: ownership moves to the array; NULL if memory ran out.
 */
void schema_write_entry(struct json_object **array, struct json_object *entry);

/* A list of entries of one type; the constraint is a struct list. */
extern const struct type schema_type_list;

/* The same, but an empty list is not written. */
extern const struct type schema_type_optional_list;

/* A mapping; the constraint is a struct keys. An empty mapping is not written. */
extern const struct type schema_type_mapping;

#endif
