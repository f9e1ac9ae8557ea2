// SPDX-License-Identifier: GPL-2.0-or-later
// The types of the values in a definition: words, numbers, texts, paths.
#ifndef LAUNCHER_DEFINITION_TYPE_BASIC_H
#define LAUNCHER_DEFINITION_TYPE_BASIC_H

#include <stdint.h>

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

/* struct bounds - detail of type_count, type_size and type_duration; @multiple: 0 for any. */
struct bounds {
	uint64_t min;
	uint64_t max;
	uint64_t multiple;
};

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
extern const struct type type_words;           /* an enum; detail struct words */
extern const struct type type_flag;            /* bool */
extern const struct type type_count;           /* unsigned int; detail struct bounds */
extern const struct type type_size;            /* uint64_t, bytes; detail struct bounds */
extern const struct type type_duration;        /* unsigned int, seconds; detail struct bounds */
extern const struct type type_name;            /* char[VM_NAME_SIZE] */
extern const struct type type_uuid;            /* struct definition: uuid_auto and uuid */
extern const struct type type_text;            /* char *; detail struct limits */
extern const struct type type_model;           /* char * */
extern const struct type type_user;            /* char *, NULL for auto */
extern const struct type type_ssh_keys;        /* struct cloud_init; detail struct list */
extern const struct type type_credential_name; /* char * */
extern const struct type type_package;         /* char * */
extern const struct type type_command;    /* struct guest_command; detail struct list of args */
extern const struct type type_cpu;        /* char *, NULL for auto */
extern const struct type type_path;       /* char *, absolute */
extern const struct type type_image;      /* struct disk: image, or urls and url_count */
extern const struct type type_digest;     /* char[]; detail struct limits: its digits */
extern const struct type type_firmware;   /* struct firmware_key */
extern const struct type type_program;    /* char *, a name without '/' or absolute */
extern const struct type type_cloud_init; /* definition.cloud_init; detail struct keys */

/* words_find() - the word of this name, or NULL. */
const struct word *words_find(const struct words *words, const char *name);

/* words_name() - the name of a value, which is one of the words. */
const char *words_name(const struct words *words, unsigned int value);

/* words_expect() - "none, user" as part of an enumeration: "A, B or LAST". */
void words_expect(const struct words *words, const char *last, char text[EXPECTED_SIZE]);

/* value_keep() - copy a text into a char * target. */
void value_keep(struct walk *walk, const char *text, void *target);

/* value_write() - struct type.write of a char * target; nothing for NULL. */
struct json_object *value_write(const struct key *key, const void *target);

/* value_write_or_auto() - the same, for which NULL is auto. */
struct json_object *value_write_or_auto(const struct key *key, const void *target);

#endif
