// SPDX-License-Identifier: GPL-2.0-or-later
// Reads values that are counts, sizes or durations.
#include "launcher/definition/type_number.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "launcher/common/text.h"
#include "launcher/definition/definition.h"
#include "launcher/yaml/scalar.h"

static void expect_count(const struct key *key, char text[SCHEMA_EXPECTED_SIZE])
{
	const struct bounds *bounds = key->constraint;

	snprintf(text, SCHEMA_EXPECTED_SIZE, "a whole number from %u to %u",
		 (unsigned int)bounds->min, (unsigned int)bounds->max);
}

static void read_count(struct loader *loader, const struct key *key, const struct node *node,
		       void *target)
{
	const struct bounds *bounds = key->constraint;
	uint64_t count;

	if (scalar_count(node->text, &count) && count >= bounds->min && count <= bounds->max)
		*(unsigned int *)target = (unsigned int)count;
	else
		schema_refuse(loader, key, node);
}

static struct json_object *write_count(const struct key *key, const void *target)
{
	return json_object_new_int64(*(const unsigned int *)target);
}

const struct type type_number_count = { NODE_SCALAR, NULL, expect_count, read_count, write_count };

/* Suggests a value with a valid unit for one with no unit or a misspelled one, or returns NULL. */
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

static void read_size(struct loader *loader, const struct key *key, const struct node *node,
		      void *target)
{
	const struct bounds *bounds = key->constraint;
	char guess[TEXT_SHORT_SIZE], low[SCALAR_SIZE_TEXT_SIZE], high[SCALAR_SIZE_TEXT_SIZE];
	uint64_t bytes;

	if (!scalar_size(node->text, &bytes)) {
		const char *meant = unit_guess(node->text, "KMGT", 'M', guess);

		schema_refuse_meant(loader, key, node,
				    meant && scalar_size(meant, &bytes) ? meant : NULL);
	} else if (bytes < bounds->min || bytes > bounds->max) {
		diagnostics_add(loader->diagnostics, &node->location,
				"'%s' must be from %s to %s, not '%s'", key->name,
				scalar_size_text(bounds->min, low),
				scalar_size_text(bounds->max, high), node->text);
	} else if (bounds->multiple && bytes % bounds->multiple) {
		diagnostics_add(loader->diagnostics, &node->location,
				"'%s' must be a multiple of %s, not '%s'", key->name,
				scalar_size_text(bounds->multiple, low), node->text);
	} else {
		*(uint64_t *)target = bytes;
	}
}

static struct json_object *write_size(const struct key *key, const void *target)
{
	uint64_t bytes = *(const uint64_t *)target;
	char text[SCALAR_SIZE_TEXT_SIZE];

	return bytes ? json_object_new_string(scalar_size_text(bytes, text)) : SCHEMA_WRITE_NOTHING;
}

const struct type type_number_size = { NODE_SCALAR, "a size such as 512M or 20G", NULL, read_size,
				       write_size };

static void read_duration(struct loader *loader, const struct key *key, const struct node *node,
			  void *target)
{
	const struct bounds *bounds = key->constraint;
	char guess[TEXT_SHORT_SIZE];
	unsigned int seconds;

	if (!scalar_duration(node->text, &seconds)) {
		const char *meant = unit_guess(node->text, "smh", 's', guess);

		schema_refuse_meant(loader, key, node,
				    meant && scalar_duration(meant, &seconds) ? meant : NULL);
	} else if (seconds > bounds->max) {
		diagnostics_add(loader->diagnostics, &node->location,
				"'%s' must be at most %us, not '%s'", key->name,
				(unsigned int)bounds->max, node->text);
	} else {
		*(unsigned int *)target = seconds;
	}
}

static struct json_object *write_duration(const struct key *key, const void *target)
{
	char text[SCALAR_SIZE_TEXT_SIZE];

	snprintf(text, sizeof(text), "%us", *(const unsigned int *)target);
	return json_object_new_string(text);
}

const struct type type_number_duration = { NODE_SCALAR, "a duration such as 60s or 2m", NULL,
					   read_duration, write_duration };

/* Reads a number without sign and leading zeros, as scalar_count() does. */
static bool read_side(const char *text, const struct bounds *bounds, unsigned int *side)
{
	uint64_t count;

	if (!scalar_count(text, &count) || count < bounds->min || count > bounds->max)
		return false;
	*side = (unsigned int)count;
	return true;
}

static void read_resolution(struct loader *loader, const struct key *key, const struct node *node,
			    void *target)
{
	const char *cross = strchr(node->text, 'x');
	char width[TEXT_SHORT_SIZE] = "";
	struct resolution resolution;

	if (cross && (size_t)(cross - node->text) < sizeof(width))
		memcpy(width, node->text, (size_t)(cross - node->text));
	if (cross && read_side(width, key->constraint, &resolution.width) &&
	    read_side(cross + 1, key->constraint, &resolution.height))
		*(struct resolution *)target = resolution;
	else
		schema_refuse(loader, key, node);
}

static struct json_object *write_resolution(const struct key *key, const void *target)
{
	const struct resolution *resolution = target;
	char text[32];

	if (!resolution->width)
		return SCHEMA_WRITE_NOTHING;
	snprintf(text, sizeof(text), "%ux%u", resolution->width, resolution->height);
	return json_object_new_string(text);
}

const struct type type_number_resolution = {
	NODE_SCALAR,
	"a width and a height from 64 to 16384 such as 1920x1080",
	NULL,
	read_resolution,
	write_resolution,
};
