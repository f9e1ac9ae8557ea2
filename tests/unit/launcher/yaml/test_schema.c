// SPDX-License-Identifier: GPL-2.0-or-later
// Tests reading and writing by tables: defaults, lists, origins, paths.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/definition/keys.h"
#include "launcher/definition/type_number.h"
#include "launcher/definition/type_path.h"
#include "launcher/definition/type_text.h"
#include "launcher/definition/type_words.h"
#include "launcher/yaml/scalar.h"
#include "launcher/yaml/schema.h"
#include "launcher/yaml/source.h"
#include "netsetup/base/cleanup.h"

struct pet {
	unsigned int legs;
	unsigned int kind;
};

/* struct house - a struct that the tables below fill. */
struct house {
	char *street;
	uint64_t size;
	struct pet pets[2];
	unsigned int pet_count;
	struct {
		unsigned int number;
		char *roof;
	} door;
};

static const struct word kinds[] = { { "cat", 3 }, { "dog", 5 } };

static const struct key pet_keys[] = {
	{ "legs", &type_number_count, offsetof(struct pet, legs), &(const struct bounds){ 0, 9, 0 },
	  "4", 0 },
	{ "kind", &type_words, offsetof(struct pet, kind),
	  &(const struct words){ kinds, ARRAY_SIZE(kinds) }, schema_required, 0 },
};

static const struct list pet_list = {
	.item = &schema_type_mapping,
	.constraint = &(const struct keys){ "pets", pet_keys, ARRAY_SIZE(pet_keys) },
	.size = sizeof(struct pet),
	.max = 2,
	.count = offsetof(struct house, pet_count) - offsetof(struct house, pets),
};

static const struct key door_keys[] = {
	{ "number", &type_number_count, 0, &(const struct bounds){ 1, 99, 0 }, "7", 0 },
	{ "roof", &type_path,
	  offsetof(struct house, door.roof) - offsetof(struct house, door.number), NULL, NULL, 0 },
};

static const struct key house_keys[] = {
	{ "street", &type_text, offsetof(struct house, street), &(const struct limits){ 1, 20, "" },
	  schema_required, 0 },
	{ "size", &type_number_size, offsetof(struct house, size),
	  &(const struct bounds){ MIB, GIB, MIB }, "1M", 0 },
	{ "pets", &schema_type_list, offsetof(struct house, pets), &pet_list, NULL, 0 },
	{ "door", &schema_type_mapping, offsetof(struct house, door),
	  &(const struct keys){ "door", door_keys, ARRAY_SIZE(door_keys) }, "{}", 0 },
};

static const struct keys house_table = { NULL, house_keys, ARRAY_SIZE(house_keys) };

/* struct reading - a text that is read into a house; @errors: text of the diagnostics. */
struct reading {
	struct source source;
	struct document document;
	struct diagnostics diagnostics;
	struct loader loader;
	struct house house;
	char *errors;
};

static void reading_do(struct reading *reading, const char *yaml)
{
	memset(reading, 0, sizeof(*reading));
	assert_int_equal(source_from_memory("x", yaml, strlen(yaml), &reading->source,
					    &reading->diagnostics),
			 0);
	assert_int_equal(
		document_parse(&reading->source, &reading->document, &reading->diagnostics), 0);
	reading->loader.diagnostics = &reading->diagnostics;
	reading->loader.directory = "/here/there";
	reading->loader.home = "/home/me";
	schema_read_mapping(&reading->loader, reading->document.root, &house_table,
			    &reading->house);
	assert_false(reading->loader.failed);
	reading->errors = diagnostics_text(&reading->diagnostics);
}

static void reading_done(struct reading *reading)
{
	free(reading->errors);
	free(reading->house.street);
	free(reading->house.door.roof);
	schema_done(&reading->loader);
	diagnostics_done(&reading->diagnostics);
	document_done(&reading->document);
	source_done(&reading->source);
}

static void test_defaults(void **state)
{
	struct reading reading;

	reading_do(&reading, "street: Main\npets: [{kind: dog}]\n");
	assert_null(reading.errors);
	assert_string_equal(reading.house.street, "Main");
	assert_int_equal(reading.house.size, MIB);
	assert_int_equal(reading.house.pet_count, 1);
	assert_int_equal(reading.house.pets[0].legs, 4);
	assert_int_equal(reading.house.pets[0].kind, 5);
	assert_int_equal(reading.house.door.number, 7);
	assert_null(reading.house.door.roof);
	reading_done(&reading);
}

static void test_origins(void **state)
{
	const struct origin *origin;
	struct reading reading;

	reading_do(&reading, "street: Main\ndoor:\n  number: 3\n");
	origin = schema_origin(&reading.loader, &reading.house.door, "number");
	assert_non_null(origin);
	assert_int_equal(origin->key->location.line, 3);
	assert_int_equal(origin->value->location.column, 11);
	assert_null(schema_origin(&reading.loader, &reading.house, "number"));
	assert_null(schema_origin(&reading.loader, &reading.house, "size"));
	assert_null(schema_origin(&reading.loader, &reading.house.door, "roof"));
	reading_done(&reading);
}

static void test_errors(void **state)
{
	struct reading reading;

	reading_do(&reading, "pets:\n- {kind: dig, legs: [1]}\n- x\n- {kind: cat}\n"
			     "dor: {}\nsize: 1G\nsize: 2G\ndoor: {number: }\n");
	assert_string_equal(reading.errors,
			    "x:1:1: required key 'street' is missing\n"
			    "    1 | pets:\n"
			    "      | ^\n"
			    "x:2:10: 'kind' must be cat or dog, not 'dig'; did you mean 'dog'?\n"
			    "    2 | - {kind: dig, legs: [1]}\n"
			    "      |          ^~~\n"
			    "x:2:21: 'legs' must be a whole number from 0 to 9, not a list\n"
			    "    2 | - {kind: dig, legs: [1]}\n"
			    "      |                     ^\n"
			    "x:3:3: 'pets.1' must be a mapping of keys, not 'x'\n"
			    "    3 | - x\n"
			    "      |   ^\n"
			    "x:4:3: 'pets' has more than 2 entries\n"
			    "    4 | - {kind: cat}\n"
			    "      |   ^\n"
			    "x:5:1: unknown key 'dor'; did you mean 'door'?\n"
			    "    5 | dor: {}\n"
			    "      | ^~~\n"
			    "x:7:1: repeated key 'size'\n"
			    "    7 | size: 2G\n"
			    "      | ^~~~\n"
			    "x:8:8: 'number' has no value\n"
			    "    8 | door: {number: }\n"
			    "      |        ^~~~~~\n");
	reading_done(&reading);
}

static void test_write(void **state)
{
	struct json_object *tree;
	struct reading reading;

	reading_do(&reading,
		   "street: Main\npets: [{kind: cat, legs: 3}]\ndoor: {roof: ../a/./b}\n");
	assert_null(reading.errors);
	tree = schema_write(&house_table, &reading.house);
	assert_string_equal(json_object_to_json_string_ext(tree, JSON_C_TO_STRING_NOSLASHESCAPE),
			    "{\"street\":\"Main\",\"size\":\"1M\",\"pets\":[{\"legs\":3,"
			    "\"kind\":\"cat\"}],\"door\":{\"number\":7,\"roof\":\"/here/a/./b\"}}");
	json_object_put(tree);
	reading_done(&reading);
}

/* struct written - a path in a definition, and the absolute path. */
struct written {
	const char *text;
	const char *path;
};

static void test_paths(void **state)
{
	static const struct written rows[] = {
		{ "a", "/here/there/a" },
		{ "./a", "/here/there/a" },
		{ ".///a", "/here/there/a" },
		{ "../a", "/here/a" },
		{ "../../a", "/a" },
		{ "../../../a", "/a" },
		{ "./../a/../b", "/here/a/../b" },
		{ "...", "/here/there/..." },
		{ "/a/b", "/a/b" },
		{ "//a", "/a" },
		{ "~/a", "/home/me/a" },
		{ "~//a", "/home/me/a" },
		{ "\"~\"", "/home/me/" },
		{ "a~", "/here/there/a~" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct reading reading;
		char yaml[100];

		snprintf(yaml, sizeof(yaml), "street: Main\ndoor: {roof: %s}\n", rows[i].text);
		reading_do(&reading, yaml);
		assert_null(reading.errors);
		assert_string_equal(reading.house.door.roof, rows[i].path);
		reading_done(&reading);
	}
}

static void test_no_home(void **state)
{
	struct reading reading = { .house = { .size = 0 } };
	struct node node = { .kind = NODE_SCALAR };
	char text[] = "~/a";

	reading_do(&reading, "street: Main\n");
	reading.loader.home = NULL;
	node.location = reading.document.root->location;
	node.text = text;
	schema_read_value(&reading.loader, &door_keys[1], &node, &reading.house.door.roof);
	assert_null(reading.house.door.roof);
	reading.errors = diagnostics_text(&reading.diagnostics);
	assert_non_null(strstr(reading.errors,
			       "'~' in 'roof' is not known: this user has no home directory\n"));
	reading_done(&reading);
}

/* Each row of the definition's table has all functions. */
static void test_real_table(void **state)
{
	for (size_t i = 0; i < keys_definition.count; i++) {
		const struct key *key = &keys_definition.keys[i];

		assert_non_null(key->type->read);
		assert_non_null(key->type->write);
		assert_true(key->type->expected || key->type->expect);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_origins),
		cmocka_unit_test(test_errors),   cmocka_unit_test(test_write),
		cmocka_unit_test(test_paths),    cmocka_unit_test(test_real_table),
		cmocka_unit_test(test_no_home),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
