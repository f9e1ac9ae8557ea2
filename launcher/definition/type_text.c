// SPDX-License-Identifier: GPL-2.0-or-later
// Reads values that are texts, names, models or a UUID.
#include "launcher/definition/type_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/common/text.h"
#include "launcher/definition/definition.h"
#include "launcher/yaml/scalar.h"

void type_text_keep(struct loader *loader, const char *text, void *target)
{
	char *copy = strdup(text);

	if (!copy)
		loader->failed = true;
	*(char **)target = copy;
}

void type_text_keep_valid(struct loader *loader, const struct key *key, const struct node *node,
			  bool valid, void *target)
{
	if (valid)
		type_text_keep(loader, node->text, target);
	else
		schema_refuse(loader, key, node);
}

struct json_object *type_text_write(const struct key *key, const void *target)
{
	const char *text = *(char *const *)target;

	return text ? json_object_new_string(text) : SCHEMA_WRITE_NOTHING;
}

struct json_object *type_text_write_or_auto(const struct key *key, const void *target)
{
	const char *text = *(char *const *)target;

	return json_object_new_string(text ? text : "auto");
}

static void read_text(struct loader *loader, const struct key *key, const struct node *node,
		      void *target)
{
	const struct limits *limits = key->constraint;
	size_t length = strlen(node->text);

	if (length < limits->min)
		diagnostics_add(loader->diagnostics, &node->location, "'%s' must not be empty",
				key->name);
	else if (length > limits->max)
		diagnostics_add(loader->diagnostics, &node->location,
				"'%s' must be at most %zu bytes, not %zu", key->name, limits->max,
				length);
	else if (!text_clean(node->text, limits->also))
		diagnostics_add(loader->diagnostics, &node->location,
				"'%s' has a line end or control character in it", key->name);
	else
		type_text_keep(loader, node->text, target);
}

const struct type type_text = { NODE_SCALAR, "text", NULL, read_text, type_text_write };

static void read_model(struct loader *loader, const struct key *key, const struct node *node,
		       void *target)
{
	type_text_keep_valid(loader, key, node, scalar_model(node->text), target);
}

const struct type type_text_model = { NODE_SCALAR, "a name that QEMU knows, without options", NULL,
				      read_model, type_text_write };

/* virtio-blk and ATA have 20 bytes for it (VIRTIO_BLK_ID_BYTES of linux/virtio_blk.h). */
static void read_serial(struct loader *loader, const struct key *key, const struct node *node,
			void *target)
{
	type_text_keep_valid(loader, key, node,
			     scalar_model(node->text) && strlen(node->text) <= 20, target);
}

const struct type type_text_serial = { NODE_SCALAR,
				       "1 to 20 letters, digits, '.', '_', '+' and '-'", NULL,
				       read_serial, type_text_write };

/* Features may follow a CPU model: "host,-vmx,+x2apic". */
static bool cpu_valid(const char *text)
{
	size_t length = strnlen(text, 1024);

	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr(".,_+-=", text[i]))
			return false;
	return length < 1024 && isalnum((unsigned char)text[0]);
}

static void read_cpu(struct loader *loader, const struct key *key, const struct node *node,
		     void *target)
{
	if (strcmp(node->text, "auto") != 0)
		type_text_keep_valid(loader, key, node, cpu_valid(node->text), target);
}

const struct type type_text_cpu = { NODE_SCALAR, "auto or a CPU model such as host or max", NULL,
				    read_cpu, type_text_write_or_auto };

/* Suggests a valid name: small letters for capitals, '-' for '_', '.' and spaces. */
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

static void read_name(struct loader *loader, const struct key *key, const struct node *node,
		      void *target)
{
	char guess[VM_NAME_SIZE];

	if (vm_name_valid(node->text))
		memcpy(target, node->text, strlen(node->text) + 1);
	else
		schema_refuse_meant(loader, key, node, name_guess(node->text, guess));
}

static struct json_object *write_name(const struct key *key, const void *target)
{
	return json_object_new_string(target);
}

const struct type type_text_name = {
	NODE_SCALAR, "1 to 63 letters a-z, digits and '-', with no '-' at either end",
	NULL,        read_name,
	write_name,
};

static void read_uuid(struct loader *loader, const struct key *key, const struct node *node,
		      void *target)
{
	struct definition *definition = target;
	uuid_t uuid;

	definition->uuid_auto = !strcmp(node->text, "auto");
	if (definition->uuid_auto)
		return;
	if (uuid_parse(node->text, uuid) < 0)
		schema_refuse(loader, key, node);
	else if (uuid_is_null(uuid))
		diagnostics_add(loader->diagnostics, &node->location, "'%s' must not be all zero",
				key->name);
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

const struct type type_text_uuid = {
	NODE_SCALAR, "auto or a UUID such as 1b4e28ba-2fa1-41d2-883f-0016d3cca427", NULL, read_uuid,
	write_uuid,
};
