// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the path, URLs and digest of an image.
#include "launcher/definition/type_image.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "launcher/common/text.h"
#include "launcher/definition/definition.h"
#include "launcher/definition/type_path.h"
#include "launcher/definition/type_text.h"
#include "launcher/definition/url.h"

static void read_url(struct loader *loader, const struct key *key, const struct node *node,
		     void *target)
{
	const char *wrong;

	if (!url_meant(node->text)) {
		schema_refuse(loader, key, node);
		return;
	}
	wrong = url_wrong(node->text);
	if (wrong)
		diagnostics_add(loader->diagnostics, &node->location, "'%s' %s", key->name, wrong);
	else
		type_text_keep(loader, node->text, target);
}

static struct json_object *write_url(const struct key *key, const void *target)
{
	return json_object_new_string(*(char *const *)target);
}

static const struct type type_url = { NODE_SCALAR, "a URL like every entry of a list", NULL,
				      read_url, write_url };

static void read_mirrors(struct loader *loader, const struct key *key, const struct node *node,
			 struct disk *disk)
{
	const struct key item = { .type = &type_url };

	if (!node->count)
		diagnostics_add(loader->diagnostics, &node->location, "'%s' must not be empty",
				key->name);
	for (unsigned int i = 0; i < node->count; i++) {
		if (i == MIRRORS_MAX) {
			diagnostics_add(loader->diagnostics, &node->items[i]->location,
					"'%s' has more than %u entries", key->name, MIRRORS_MAX);
			return;
		}
		disk->url_count = i + 1;
		schema_read_entry(loader, key, &item, node->items[i], i, &disk->urls[i]);
	}
}

static void read_image(struct loader *loader, const struct key *key, const struct node *node,
		       void *target)
{
	struct disk *disk = target;

	if (node->kind == NODE_LIST) {
		read_mirrors(loader, key, node, disk);
	} else if (url_meant(node->text)) {
		disk->url_count = 1;
		read_url(loader, key, node, &disk->urls[0]);
	} else {
		type_path.read(loader, key, node, &disk->image);
	}
}

static struct json_object *write_image(const struct key *key, const void *target)
{
	const struct disk *disk = target;
	struct json_object *array;

	if (disk->url_count == 0)
		return type_path.write(key, &disk->image);
	if (disk->url_count == 1)
		return write_url(key, &disk->urls[0]);
	array = json_object_new_array();
	for (unsigned int i = 0; array && i < disk->url_count; i++)
		schema_write_entry(&array, write_url(key, &disk->urls[i]));
	return array;
}

const struct type type_image = { NODE_SCALAR | NODE_LIST, "a path, a URL or a list of URLs", NULL,
				 read_image, write_image };

static void expect_digest(const struct key *key, char text[SCHEMA_EXPECTED_SIZE])
{
	const struct limits *limits = key->constraint;

	snprintf(text, SCHEMA_EXPECTED_SIZE, "%zu hexadecimal digits", limits->max);
}

static void read_digest(struct loader *loader, const struct key *key, const struct node *node,
			void *target)
{
	const struct limits *limits = key->constraint;
	char *digits = target;

	if (strlen(node->text) != limits->max ||
	    strspn(node->text, "0123456789abcdefABCDEF") != limits->max) {
		schema_refuse(loader, key, node);
		return;
	}
	for (size_t i = 0; i <= limits->max; i++)
		digits[i] = (char)tolower((unsigned char)node->text[i]);
}

static struct json_object *write_digest(const struct key *key, const void *target)
{
	const char *digits = target;

	return digits[0] ? json_object_new_string(digits) : SCHEMA_WRITE_NOTHING;
}

const struct type type_image_digest = { NODE_SCALAR, NULL, expect_digest, read_digest,
					write_digest };
