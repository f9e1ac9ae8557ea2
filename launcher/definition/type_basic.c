// SPDX-License-Identifier: GPL-2.0-or-later
// The types of the values in a definition: words, numbers, texts, names.
#include "launcher/definition/type_basic.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/common/text.h"
#include "launcher/definition/definition.h"
#include "launcher/yaml/scalar.h"
#include "netsetup/base/cleanup.h"

void value_keep(struct walk *walk, const char *text, void *target)
{
	char *copy = strdup(text);

	if (!copy)
		walk->failed = true;
	*(char **)target = copy;
}

struct json_object *value_write(const struct key *key, const void *target)
{
	const char *text = *(char *const *)target;

	return text ? json_object_new_string(text) : WRITE_NOTHING;
}

struct json_object *value_write_or_auto(const struct key *key, const void *target)
{
	const char *text = *(char *const *)target;

	return json_object_new_string(text ? text : "auto");
}

/* Words. */

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

static void expect_words(const struct key *key, char text[EXPECTED_SIZE])
{
	words_expect(key->detail, NULL, text);
}

static void read_words(struct walk *walk, const struct key *key, const struct node *node,
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

const struct type type_words = { NODE_SCALAR, NULL, expect_words, read_words, write_words };

/* Yes or no. What is a word elsewhere, such as 'on', is not taken, but it is known what was meant. */

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

/* Numbers. */

static void expect_count(const struct key *key, char text[EXPECTED_SIZE])
{
	const struct bounds *bounds = key->detail;

	snprintf(text, EXPECTED_SIZE, "a whole number from %u to %u", (unsigned int)bounds->min,
		 (unsigned int)bounds->max);
}

static void read_count(struct walk *walk, const struct key *key, const struct node *node,
		       void *target)
{
	const struct bounds *bounds = key->detail;
	uint64_t count;

	if (scalar_count(node->text, &count) && count >= bounds->min && count <= bounds->max)
		*(unsigned int *)target = (unsigned int)count;
	else
		walk_mismatch(walk, key, node);
}

static struct json_object *write_count(const struct key *key, const void *target)
{
	return json_object_new_int64(*(const unsigned int *)target);
}

const struct type type_count = { NODE_SCALAR, NULL, expect_count, read_count, write_count };

/* What was meant by digits without a unit, or with one that is written in another way. */
static const char *unit_guess(const char *text, const char *units, char assumed,
			      char guess[TEXT_SHORT_SIZE])
{
	size_t digits = strspn(text, "0123456789");
	char unit = text[digits] ? text[digits] : assumed;
	const char *found;

	if (digits == 0 || digits > 12 || strlen(text) > digits + 7)
		return NULL;
	found = strchr(units, toupper((unsigned char)unit));
	if (!found)
		found = strchr(units, tolower((unsigned char)unit));
	if (!found)
		return NULL;
	snprintf(guess, TEXT_SHORT_SIZE, "%.*s%c", (int)digits, text, *found);
	return guess;
}

static void read_size(struct walk *walk, const struct key *key, const struct node *node,
		      void *target)
{
	const struct bounds *bounds = key->detail;
	char guess[TEXT_SHORT_SIZE], low[SIZE_TEXT_SIZE], high[SIZE_TEXT_SIZE];
	uint64_t bytes;

	if (!scalar_size(node->text, &bytes)) {
		const char *meant = unit_guess(node->text, "KMGT", 'M', guess);

		walk_meant(walk, key, node, meant && scalar_size(meant, &bytes) ? meant : NULL);
	} else if (bytes < bounds->min || bytes > bounds->max) {
		report_add(walk->report, &node->place, "'%s' must be from %s to %s, not '%s'",
			   key->name, scalar_size_text(bounds->min, low),
			   scalar_size_text(bounds->max, high), node->text);
	} else if (bounds->multiple && bytes % bounds->multiple) {
		report_add(walk->report, &node->place, "'%s' must be a multiple of %s, not '%s'",
			   key->name, scalar_size_text(bounds->multiple, low), node->text);
	} else {
		*(uint64_t *)target = bytes;
	}
}

static struct json_object *write_size(const struct key *key, const void *target)
{
	uint64_t bytes = *(const uint64_t *)target;
	char text[SIZE_TEXT_SIZE];

	return bytes ? json_object_new_string(scalar_size_text(bytes, text)) : WRITE_NOTHING;
}

const struct type type_size = { NODE_SCALAR, "a size such as 512M or 20G", NULL, read_size,
				write_size };

static void read_duration(struct walk *walk, const struct key *key, const struct node *node,
			  void *target)
{
	const struct bounds *bounds = key->detail;
	char guess[TEXT_SHORT_SIZE];
	unsigned int seconds;

	if (!scalar_duration(node->text, &seconds)) {
		const char *meant = unit_guess(node->text, "smh", 's', guess);

		walk_meant(walk, key, node,
			   meant && scalar_duration(meant, &seconds) ? meant : NULL);
	} else if (seconds > bounds->max) {
		report_add(walk->report, &node->place, "'%s' must be at most %us, not '%s'",
			   key->name, (unsigned int)bounds->max, node->text);
	} else {
		*(unsigned int *)target = seconds;
	}
}

static struct json_object *write_duration(const struct key *key, const void *target)
{
	char text[SIZE_TEXT_SIZE];

	snprintf(text, sizeof(text), "%us", *(const unsigned int *)target);
	return json_object_new_string(text);
}

const struct type type_duration = { NODE_SCALAR, "a duration such as 60s or 2m", NULL,
				    read_duration, write_duration };

/* Names. */

/* A name with what is often taken for part of one put right: capitals, '_', '.' and spaces. */
static const char *name_guess(const char *text, char guess[VM_NAME_SIZE])
{
	size_t length = strnlen(text, VM_NAME_SIZE);

	if (length == VM_NAME_SIZE)
		return NULL;
	for (size_t i = 0; i <= length; i++)
		guess[i] = text[i] && strchr("_. ", text[i])
				   ? '-'
				   : (char)tolower((unsigned char)text[i]);
	return vm_name_valid(guess) ? guess : NULL;
}

static void read_name(struct walk *walk, const struct key *key, const struct node *node,
		      void *target)
{
	char guess[VM_NAME_SIZE];

	if (vm_name_valid(node->text))
		memcpy(target, node->text, strlen(node->text) + 1);
	else
		walk_meant(walk, key, node, name_guess(node->text, guess));
}

static struct json_object *write_name(const struct key *key, const void *target)
{
	return json_object_new_string(target);
}

const struct type type_name = {
	NODE_SCALAR, "1 to 63 letters a-z, digits and '-', with no '-' at either end",
	NULL,        read_name,
	write_name,
};

static void read_uuid(struct walk *walk, const struct key *key, const struct node *node,
		      void *target)
{
	struct definition *definition = target;
	uuid_t uuid;

	definition->uuid_auto = !strcmp(node->text, "auto");
	if (definition->uuid_auto)
		return;
	if (uuid_parse(node->text, uuid) < 0)
		walk_mismatch(walk, key, node);
	else if (uuid_is_null(uuid))
		report_add(walk->report, &node->place, "'%s' must not be all zero", key->name);
	else
		uuid_copy(definition->uuid, uuid);
}

static struct json_object *write_uuid(const struct key *key, const void *target)
{
	const struct definition *definition = target;
	char text[UUID_STR_LEN];

	uuid_unparse_lower(definition->uuid, text);
	return json_object_new_string(text);
}

const struct type type_uuid = {
	NODE_SCALAR, "auto or a UUID such as 1b4e28ba-2fa1-41d2-883f-0016d3cca427", NULL, read_uuid,
	write_uuid,
};

/* Texts. */

static void read_text(struct walk *walk, const struct key *key, const struct node *node,
		      void *target)
{
	const struct limits *limits = key->detail;
	size_t length = strlen(node->text);

	if (length < limits->min)
		report_add(walk->report, &node->place, "'%s' must not be empty", key->name);
	else if (length > limits->max)
		report_add(walk->report, &node->place, "'%s' must be at most %zu bytes, not %zu",
			   key->name, limits->max, length);
	else if (!text_clean(node->text, limits->also))
		report_add(walk->report, &node->place,
			   "'%s' has a line end or control character in it", key->name);
	else
		value_keep(walk, node->text, target);
}

const struct type type_text = { NODE_SCALAR, "text", NULL, read_text, value_write };

static void read_model(struct walk *walk, const struct key *key, const struct node *node,
		       void *target)
{
	if (scalar_model(node->text))
		value_keep(walk, node->text, target);
	else
		walk_mismatch(walk, key, node);
}

const struct type type_model = { NODE_SCALAR, "a name that QEMU knows, without options", NULL,
				 read_model, value_write };

/* A CPU model may be followed by features: "host,-vmx,+x2apic". */
static bool cpu_valid(const char *text)
{
	size_t length = strnlen(text, 1024);

	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr(".,_+-=", text[i]))
			return false;
	return length < 1024 && isalnum((unsigned char)text[0]);
}

static void read_cpu(struct walk *walk, const struct key *key, const struct node *node,
		     void *target)
{
	if (!strcmp(node->text, "auto"))
		*(char **)target = NULL;
	else if (cpu_valid(node->text))
		value_keep(walk, node->text, target);
	else
		walk_mismatch(walk, key, node);
}

const struct type type_cpu = { NODE_SCALAR, "auto or a CPU model such as host or max", NULL,
			       read_cpu, value_write_or_auto };
