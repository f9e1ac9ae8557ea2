// SPDX-License-Identifier: GPL-2.0-or-later
// Tests that each key has a pin and that pin_collect() works.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "launcher/definition/keys.h"
#include "launcher/definition/load.h"
#include "launcher/definition/pin.h"
#include "launcher/definition/type_cloud_init.h"
#include "launcher/definition/type_image.h"
#include "launcher/definition/type_path.h"
#include "netsetup/base/cleanup.h"

#define FULL SOURCE_DIR "/tests/unit/launcher/definition/samples/good/full.yaml"

static bool is_list(const struct type *type)
{
	return type == &schema_type_list || type == &schema_type_optional_list ||
	       type == &type_cloud_init_ssh_keys;
}

/* Returns the table of the keys in a value, or NULL. */
static const struct keys *keys_inside(const struct type *type, const void *constraint)
{
	const struct list *list = constraint;

	if (is_list(type))
		return keys_inside(list->item, list->constraint);
	return type->node_kinds & NODE_MAPPING ? constraint : NULL;
}

static bool names_file(const struct type *type, const void *constraint)
{
	const struct list *list = constraint;

	if (is_list(type))
		return names_file(list->item, list->constraint);
	return type == &type_path || type == &type_image || type == &type_path_firmware ||
	       type == &type_path_program;
}

/* Returns the number of keys that name files. */
static unsigned int check_keys(const struct keys *keys)
{
	unsigned int files = 0;

	for (size_t i = 0; i < keys->count; i++) {
		const struct key *key = &keys->keys[i];
		const struct keys *inside = keys_inside(key->type, key->constraint);

		if (key->pin < PIN_NONE || key->pin >= PIN_END)
			fail_msg("'%s' has no pin", key->name);
		if ((key->pin == PIN_KEYS) != (inside != NULL))
			fail_msg("'%s' must have PIN_KEYS if it is a mapping, else not", key->name);
		if (inside)
			files += check_keys(inside);
		if (!names_file(key->type, key->constraint))
			continue;
		if (key->pin == PIN_NONE)
			fail_msg("'%s' names a file and is not locked", key->name);
		files++;
	}
	return files;
}

static void test_each_key_has_one(void **state)
{
	assert_int_equal(check_keys(&keys_definition), 13);
}

static void test_collect(void **state)
{
	static const struct {
		enum pin pin;
		const char *name;
		unsigned int index;
	} expected[] = {
		{ PIN_QEMU, "binary", 0 },      { PIN_MACHINE, "type", 0 },
		{ PIN_UUID, "uuid", 0 },        { PIN_FIRMWARE, "firmware", 0 },
		{ PIN_FILE, "kernel", 0 },      { PIN_FILE, "initrd", 0 },
		{ PIN_FILE, "user-data", 0 },   { PIN_FILE, "network-config", 0 },
		{ PIN_FILE, "vendor-data", 0 }, { PIN_FILE, "ignition", 0 },
		{ PIN_MAC, "mac", 0 },          { PIN_IMAGE, "image", 0 },
		{ PIN_IMAGE, "image", 1 },      { PIN_IMAGE, "image", 2 },
		{ PIN_CREDENTIAL, "file", 0 },  { PIN_CREDENTIAL, "file", 1 },
	};
	struct definition definition;
	struct pins pins;
	char *diagnostics;

	assert_int_equal(load_definition(FULL, NULL, 0, &definition, &diagnostics), 0);
	pin_collect(&definition, &pins);
	assert_int_equal(pins.count, ARRAY_SIZE(expected));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_int_equal(pins.items[i].pin, expected[i].pin);
		assert_string_equal(pins.items[i].key->name, expected[i].name);
		assert_int_equal(pins.items[i].index, expected[i].index);
	}
	assert_ptr_equal(pins.items[4].target, &definition.boot.kernel);
	assert_ptr_equal(pins.items[10].target, &definition.network);
	assert_ptr_equal(pins.items[13].target, &definition.disks[2]);
	assert_ptr_equal(pins.items[15].target, &definition.credentials[1].file);
	definition_done(&definition);
}

/* Cards have the order of the list. A VM without a network has none. */
static void test_networks(void **state)
{
	struct definition definition = { .qemu.binary = NULL, .other_count = 1 };
	struct pins pins;

	definition.network_index = 1;
	pin_collect(&definition, &pins);
	assert_int_equal(pins.count, 12);
	assert_ptr_equal(pins.items[10].target, &definition.others[0]);
	assert_int_equal(pins.items[11].index, 1);
	assert_ptr_equal(pins.items[11].target, &definition.network);

	definition = (struct definition){ .network.type = NETWORK_NONE };
	pin_collect(&definition, &pins);
	assert_int_equal(pins.count, 10);
}

static void test_match(void **state)
{
	const struct key key = { .name = "kernel" };
	const struct pinned file = { .pin = PIN_FILE, .key = &key };
	const struct pinned image = { .pin = PIN_IMAGE, .key = &key };

	assert_true(pin_match(&file, PIN_FILE, "kernel"));
	assert_false(pin_match(&file, PIN_FILE, "initrd"));
	assert_false(pin_match(&file, PIN_IMAGE, "kernel"));
	assert_true(pin_match(&image, PIN_IMAGE, "any"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_key_has_one),
		cmocka_unit_test(test_collect),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
