// SPDX-License-Identifier: GPL-2.0-or-later
// Reads values that are texts: names, models, a UUID.
#ifndef LAUNCHER_DEFINITION_TYPE_TEXT_H
#define LAUNCHER_DEFINITION_TYPE_TEXT_H

#include <stddef.h>

#include "launcher/yaml/schema.h"

/**
 * struct limits - detail of type_text.
 * @min, @max: bytes.
 * @also: control characters that are allowed.
 */
struct limits {
	size_t min;
	size_t max;
	const char *also;
};

/* Each type's target. */
extern const struct type type_text;  /* char *; detail struct limits */
extern const struct type type_model; /* char * */
extern const struct type type_cpu;   /* char *, NULL for auto */
extern const struct type type_name;  /* char[VM_NAME_SIZE] */
extern const struct type type_uuid;  /* struct definition: uuid_auto and uuid */

/* value_keep() - copy a text into a char * target. */
void value_keep(struct walk *walk, const char *text, void *target);

/* value_keep_valid() - the same for a text that is valid; else a message. */
void value_keep_valid(struct walk *walk, const struct key *key, const struct node *node, bool valid,
		      void *target);

/* value_write() - struct type.write of a char * target; nothing for NULL. */
struct json_object *value_write(const struct key *key, const void *target);

/* value_write_or_auto() - the same, for which NULL is auto. */
struct json_object *value_write_or_auto(const struct key *key, const void *target);

#endif
