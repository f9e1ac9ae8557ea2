// SPDX-License-Identifier: GPL-2.0-or-later
// Reads values that are texts, names, models or a UUID.
#ifndef LAUNCHER_DEFINITION_TYPE_TEXT_H
#define LAUNCHER_DEFINITION_TYPE_TEXT_H

#include <stddef.h>

#include "launcher/yaml/schema.h"

/**
 * struct limits - the constraint of type_text.
 * @min, @max: bytes.
 * @also: the control characters that are allowed.
 */
struct limits {
	size_t min;
	size_t max;
	const char *also;
};

/* The target of each type. */
extern const struct type type_text;        /* char *; constraint struct limits */
extern const struct type type_text_model;  /* char * */
extern const struct type type_text_serial; /* char * */
extern const struct type type_text_cpu;    /* char *, NULL for auto */
extern const struct type type_text_name;   /* char[VM_NAME_SIZE] */
extern const struct type type_text_uuid;   /* struct definition: uuid_auto and uuid */

/* type_text_keep() - copy a text and store the copy in a char * target. */
void type_text_keep(struct loader *loader, const char *text, void *target);

/* type_text_keep_valid() - the same if @valid is true, else refuse the value. */
void type_text_keep_valid(struct loader *loader, const struct key *key, const struct node *node,
			  bool valid, void *target);

/* type_text_write() - struct type.write of a char * target; leaves out NULL. */
struct json_object *type_text_write(const struct key *key, const void *target);

/* type_text_write_or_auto() - the same, but NULL becomes 'auto'. */
struct json_object *type_text_write_or_auto(const struct key *key, const void *target);

#endif
