// SPDX-License-Identifier: GPL-2.0-or-later
// YAML as a tree: its shape and places, what is refused, and --set upon it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/yaml/document.h"
#include "launcher/yaml/override.h"
#include "launcher/yaml/source.h"
#include "netsetup/base/cleanup.h"

/* struct text - YAML text and what became of it. */
struct text {
	struct source source;
	struct document document;
	struct report report;
	int result;
};

static void text_parse(struct text *text, const char *yaml)
{
	memset(text, 0, sizeof(*text));
	text->result = source_from_memory("x", yaml, strlen(yaml), &text->source, &text->report);
	if (text->result == 0)
		text->result = document_parse(&text->source, &text->document, &text->report);
}

static void text_done(struct text *text)
{
	document_done(&text->document);
	report_done(&text->report);
	source_done(&text->source);
}

static void test_shape(void **state)
{
	struct text text;
	const struct node *root, *list;

	text_parse(&text, "a: [x, 'y']\n\xc3\xa4: {}\nb: null\nc: 'null'\nd: !!str ~\n");
	assert_int_equal(text.result, 0);
	root = text.document.root;
	assert_int_equal(root->kind, NODE_MAPPING);
	assert_int_equal(root->count, 10);
	list = root->items[1];
	assert_int_equal(list->kind, NODE_LIST);
	assert_int_equal(list->count, 2);
	assert_string_equal(list->items[1]->text, "y");
	assert_int_equal(list->items[1]->place.line, 1);
	assert_int_equal(list->items[1]->place.column, 8);
	assert_int_equal(list->items[1]->place.length, 3);
	assert_int_equal(root->items[3]->place.column, 4);
	assert_true(root->items[5]->null);
	assert_false(root->items[7]->null);
	assert_false(root->items[9]->null);
	assert_int_equal(root->size, 13);
	assert_int_equal(root->height, 3);
	text_done(&text);
}

static void test_alias(void **state)
{
	struct text text;

	text_parse(&text, "a: &x [1, 2]\nb: *x\nc: &x [3]\nd: *x\n");
	assert_int_equal(text.result, 0);
	assert_ptr_equal(text.document.root->items[1], text.document.root->items[3]);
	assert_ptr_equal(text.document.root->items[5], text.document.root->items[7]);
	text_done(&text);
}

/* An alias counts as all that it expands to, in number and in depth. */
static void test_expansion(void **state)
{
	cleanup_free char *yaml = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&yaml, &size);
	struct text text;

	assert_non_null(out);
	fputs("- &l1 [x]\n", out);
	for (unsigned int i = 2; i <= 40; i++)
		fprintf(out, "- &l%u [*l%u]\n", i, i - 1);
	fclose(out);
	text_parse(&text, yaml);
	assert_int_equal(text.result, -EINVAL);
	cleanup_free char *report = report_text(&text.report);
	assert_non_null(strstr(report, "x:31:9: nested more than 32 levels deep"));
	text_done(&text);
}

static void test_refused(void **state)
{
	static const char *const wrong[] = {
		"",     "# x",     "--- a\n--- b\n", "a: *b",   "a: &b [*b]", "a: !x y",
		"a: [", "a: b: c", "? [a]\n: b\n",   "<<: {}",  "a: \"\\0\"", "%YAML 1.1\n--- a",
		"a: }", "\ta: b",  "a: 'b\nc: d\n",  "!!map a", "a: !!seq b", "a: !!float 1",
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct text text;

		text_parse(&text, wrong[i]);
		assert_int_equal(text.result, -EINVAL);
		assert_int_equal(text.report.count, 1);
		text_done(&text);
	}
}

/* struct setting - a --set on "a: &n {b: 1}\nl: [*n, *n]\ns: x\n" and the value it leads to. */
struct setting {
	const char *option;
	int result;
	unsigned int key;  /* of the root */
	unsigned int item; /* in that */
	const char *text;
};

static void test_override(void **state)
{
	static const struct setting rows[] = {
		{ "a.b=2", 0, 1, 1, "2" },         { "a.c= x y ", 0, 1, 3, "x y" },
		{ "l.0=z", 0, 3, 0, "z" },         { "l.2=z", 0, 3, 2, "z" },
		{ "n.x=1", 0, 7, 1, "1" },         { "n.0=1", 0, 7, 0, "1" },
		{ "a={k: v=w}", 0, 1, 1, "v=w" },  { "l.3=z", -EINVAL, 0, 0, NULL },
		{ "l.x=z", -EINVAL, 0, 0, NULL },  { "l.-1=z", -EINVAL, 0, 0, NULL },
		{ "s.x=z", -EINVAL, 0, 0, NULL },  { "s", -EINVAL, 0, 0, NULL },
		{ "=z", -EINVAL, 0, 0, NULL },     { "a.=z", -EINVAL, 0, 0, NULL },
		{ "a=", -EINVAL, 0, 0, NULL },     { "a=[", -EINVAL, 0, 0, NULL },
		{ "a=\xff", -EINVAL, 0, 0, NULL }, { "\xff=a", -EINVAL, 0, 0, NULL },
		{ "a=*n", -EINVAL, 0, 0, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct override override = { 0 };
		struct text text;
		int result;

		text_parse(&text, "a: &n {b: 1}\nl: [*n, *n]\ns: x\n");
		result = override_parse(rows[i].option, 1, &override, &text.report);
		if (result == 0)
			result = override_apply(&override, &text.document, &text.report);
		assert_int_equal(result, rows[i].result);
		assert_int_equal(text.report.count, result < 0);
		if (rows[i].text)
			assert_string_equal(
				text.document.root->items[rows[i].key]->items[rows[i].item]->text,
				rows[i].text);
		/* What an alias shares is not changed with it. */
		assert_string_equal(text.document.root->items[3]->items[1]->items[1]->text, "1");
		text_done(&text);
		override_done(&override);
	}
}

/* A report names what it is about even when there is far too much of it. */
static void test_report(void **state)
{
	cleanup_free char *told = NULL;
	struct text text;

	text_parse(&text, "a: b\n");
	for (unsigned int i = 0; i < REPORT_SHOWN_MAX + 5; i++)
		report_add(&text.report, &text.document.root->items[i % 2]->place, "m%u \x1b", i);
	told = report_text(&text.report);
	assert_memory_equal(told, "x:1:1: m0 \\x1b\n    1 | a: b\n      | ^\nx:1:1: m2 ", 46);
	assert_non_null(strstr(told, "x: 5 more errors\n"));
	assert_null(strchr(told, '\x1b'));
	text_done(&text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shape),     cmocka_unit_test(test_alias),
		cmocka_unit_test(test_expansion), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_override),  cmocka_unit_test(test_report),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
