// SPDX-License-Identifier: GPL-2.0-or-later
// Holds the locked values of a definition as texts.
#include "launcher/lock/lock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/definition/type_number.h"
#include "launcher/definition/type_text.h"
#include "launcher/yaml/scalar.h"
#include "netsetup/base/cleanup.h"

#define DIGEST "'sha256-' or 'sha512-' and its digits"

static bool digest_valid(const char *text)
{
	const size_t digits = !strncmp(text, "sha256-", 7)   ? 64
			      : !strncmp(text, "sha512-", 7) ? 128
							     : 0;

	return digits && strlen(text) == 7 + digits &&
	       strspn(text + 7, "0123456789abcdef") == digits;
}

static bool image_valid(const char *text)
{
	return !strcmp(text, LOCK_DIRECT) || !strcmp(text, LOCK_EMPTY) || digest_valid(text);
}

static bool credential_valid(const char *text)
{
	return !strcmp(text, LOCK_VALUE) || digest_valid(text);
}

static bool version_valid(const char *text)
{
	return text[0] && strlen(text) < 32 && strspn(text, "0123456789.") == strlen(text);
}

static bool uuid_valid(const char *text)
{
	uuid_t uuid;

	return uuid_parse(text, uuid) == 0 && !uuid_is_null(uuid);
}

static bool mac_valid(const char *text)
{
	struct ether_addr mac;

	return scalar_mac(text, &mac) && !(mac.ether_addr_octet[0] & 1);
}

/* The valid texts of each pin. */
static const struct {
	bool (*valid)(const char *text);
	const char *expected;
} checks[PIN_END] = {
	[PIN_NONE] = { digest_valid, DIGEST },
	[PIN_QEMU] = { version_valid, "a version of QEMU such as 7.2.0" },
	[PIN_MACHINE] = { scalar_model, "a machine type of QEMU's" },
	[PIN_UUID] = { uuid_valid, "a UUID" },
	[PIN_FIRMWARE] = { digest_valid, DIGEST },
	[PIN_FILE] = { digest_valid, DIGEST },
	[PIN_MAC] = { mac_valid, "a MAC address" },
	[PIN_IMAGE] = { image_valid, "'direct', 'empty', or " DIGEST },
	[PIN_CREDENTIAL] = { credential_valid, "'value', or " DIGEST },
};

static void expect_pinned(const struct key *key, char text[SCHEMA_EXPECTED_SIZE])
{
	snprintf(text, SCHEMA_EXPECTED_SIZE, "%s", checks[key->pin].expected);
}

static void read_pinned(struct loader *loader, const struct key *key, const struct node *node,
			void *target)
{
	type_text_keep_valid(loader, key, node, checks[key->pin].valid(node->text), target);
}

static const struct type type_pinned = { NODE_SCALAR, NULL, expect_pinned, read_pinned,
					 type_text_write };

static const struct bounds formats = { LOCK_VERSION, LOCK_VERSION, 0 };

#define LOCK(field) offsetof(struct lock, field)

static const struct key network_keys[] = {
	{ "mac", &type_pinned, offsetof(struct lock_network, mac), NULL, schema_required, PIN_MAC },
};

static const struct key disk_keys[] = {
	{ "image", &type_pinned, offsetof(struct lock_disk, image), NULL, schema_required,
	  PIN_IMAGE },
};

static const struct key credential_keys[] = {
	{ "file", &type_pinned, offsetof(struct lock_credential, file), NULL, schema_required,
	  PIN_CREDENTIAL },
};

static const struct list network_list = SCHEMA_LIST(&schema_type_mapping,
						    SCHEMA_KEYS("networks", network_keys),
						    struct lock, networks, network_count);

static const struct list disk_list = SCHEMA_LIST(
	&schema_type_mapping, SCHEMA_KEYS("disks", disk_keys), struct lock, disks, disk_count);

static const struct list credential_list = SCHEMA_LIST(&schema_type_mapping,
						       SCHEMA_KEYS("credentials", credential_keys),
						       struct lock, credentials, credential_count);

static const struct key keys[] = {
	{ "version", &type_number_count, LOCK(version), &formats, schema_required, PIN_NONE },
	{ "definition", &type_pinned, LOCK(definition), NULL, schema_required, PIN_NONE },
	{ "qemu", &type_pinned, LOCK(qemu), NULL, schema_required, PIN_QEMU },
	{ "machine", &type_pinned, LOCK(machine), NULL, schema_required, PIN_MACHINE },
	{ "uuid", &type_pinned, LOCK(uuid), NULL, schema_required, PIN_UUID },
	{ "firmware", &type_pinned, LOCK(firmware), NULL, NULL, PIN_FIRMWARE },
	{ "variables", &type_pinned, LOCK(variables), NULL, NULL, PIN_FIRMWARE },
	{ "kernel", &type_pinned, LOCK(kernel), NULL, NULL, PIN_FILE },
	{ "initrd", &type_pinned, LOCK(initrd), NULL, NULL, PIN_FILE },
	{ "user-data", &type_pinned, LOCK(user_data), NULL, NULL, PIN_FILE },
	{ "network-config", &type_pinned, LOCK(network_config), NULL, NULL, PIN_FILE },
	{ "vendor-data", &type_pinned, LOCK(vendor_data), NULL, NULL, PIN_FILE },
	{ "ignition", &type_pinned, LOCK(ignition), NULL, NULL, PIN_FILE },
	{ "networks", &schema_type_list, LOCK(networks), &network_list, NULL, PIN_KEYS },
	{ "disks", &schema_type_list, LOCK(disks), &disk_list, NULL, PIN_KEYS },
	{ "credentials", &schema_type_list, LOCK(credentials), &credential_list, NULL, PIN_KEYS },
};

const struct keys lock_keys = { NULL, keys, ARRAY_SIZE(keys) };

/* Index of the first row that is a text; the row before it is the version. */
#define TEXTS 1

static const struct list *row_list(const struct key *row)
{
	return row->type == &schema_type_list ? row->constraint : NULL;
}

/* Returns the row of the text itself. In a list, it is the only key of the entries. */
static const struct key *row_text(const struct key *row)
{
	const struct list *list = row_list(row);
	const struct keys *entries = list ? list->constraint : NULL;

	return entries ? entries->keys : row;
}

/* Returns the offset in struct lock of the struct that has the text. */
static size_t row_base(const struct key *row, unsigned int index)
{
	const struct list *list = row_list(row);

	return list ? row->offset + index * list->size : 0;
}

static size_t row_count(const struct key *row)
{
	return row->offset + (size_t)row_list(row)->count;
}

unsigned int lock_count(const struct lock *lock, const struct key *row)
{
	const char *start = (const char *)lock;

	return row_list(row) ? *(const unsigned int *)(const void *)(start + row_count(row)) : 1;
}

bool lock_item(const struct lock *lock, unsigned int index, struct lock_item *item)
{
	for (size_t i = TEXTS; i < ARRAY_SIZE(keys); i++) {
		const struct key *text = row_text(&keys[i]);
		const unsigned int count = lock_count(lock, &keys[i]);
		const char *base = (const char *)lock + row_base(&keys[i], index);

		if (index < count) {
			*item = (struct lock_item){
				.base = base,
				.name = text->name,
				.pin = text->pin,
				.text = *(char *const *)(const void *)(base + text->offset),
				.list = row_list(&keys[i]) ? keys[i].name : NULL,
				.index = index,
			};
			return true;
		}
		index -= count;
	}
	return false;
}

char **lock_slot(struct lock *lock, const struct pinned *pinned)
{
	char *start = (char *)lock;

	for (size_t i = TEXTS; i < ARRAY_SIZE(keys); i++) {
		const struct key *text = row_text(&keys[i]);

		if (!pin_match(pinned, text->pin, text->name))
			continue;
		if (row_list(&keys[i]))
			*(unsigned int *)(void *)(start + row_count(&keys[i])) = pinned->index + 1;
		return (void *)(start + row_base(&keys[i], pinned->index) + text->offset);
	}
	return NULL;
}

void lock_done(struct lock *lock)
{
	struct lock_item item;

	for (unsigned int i = 0; lock_item(lock, i, &item); i++)
		free(item.text);
	memset(lock, 0, sizeof(*lock));
}
