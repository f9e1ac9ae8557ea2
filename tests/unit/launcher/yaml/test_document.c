// SPDX-License-Identifier: GPL-2.0-or-later
// Tests YAML trees: nodes, locations, refused texts, and --set.
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

/* struct text - a YAML text after document_parse(). */
struct text {
	struct source source;
	struct document document;
	struct diagnostics diagnostics;
	int ret;
};

static void text_parse(struct text *text, const char *yaml)
{
	memset(text, 0, sizeof(*text));
	text->ret = source_from_memory("x", yaml, strlen(yaml), &text->source, &text->diagnostics);
	if (text->ret == 0)
		text->ret = document_parse(&text->source, &text->document, &text->diagnostics);
}

static void text_done(struct text *text)
{
	document_done(&text->document);
	diagnostics_done(&text->diagnostics);
	source_done(&text->source);
}

static void test_shape(void **state)
{
	struct text text;
	const struct node *root, *list;

	text_parse(&text, "a: [x, 'y']\n\xc3\xa4: {}\nb: null\nc: 'null'\nd: !!str ~\n");
	assert_int_equal(text.ret, 0);
	root = text.document.root;
	assert_int_equal(root->kind, NODE_MAPPING);
	assert_int_equal(root->count, 10);
	list = root->items[1];
	assert_int_equal(list->kind, NODE_LIST);
	assert_int_equal(list->count, 2);
	assert_string_equal(list->items[1]->text, "y");
	assert_int_equal(list->items[1]->location.line, 1);
	assert_int_equal(list->items[1]->location.column, 8);
	assert_int_equal(list->items[1]->location.length, 3);
	assert_int_equal(root->items[3]->location.column, 4);
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
	assert_int_equal(text.ret, 0);
	assert_ptr_equal(text.document.root->items[1], text.document.root->items[3]);
	assert_ptr_equal(text.document.root->items[5], text.document.root->items[7]);
	text_done(&text);
}

/* An alias counts as all the nodes and levels that it expands to. */
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
	assert_int_equal(text.ret, -EINVAL);
	cleanup_free char *diagnostics = diagnostics_text(&text.diagnostics);
	assert_non_null(strstr(diagnostics, "x:31:9: nested more than 32 levels deep"));
	text_done(&text);
}

static void test_refused(void **state)
{
	static const char *const wrong[] = {
		"",     "# x",     "--- a\n--- b\n", "a: *b",   "a: &b [*b]", "a: !x y",
		"a: [", "a: b: c", "? [a]\n: b\n",   "<<: {}",  "a: \"\\0\"", "%YAML 2.0\n--- a",
		"a: }", "\ta: b",  "a: 'b\nc: d\n",  "!!map a", "a: !!seq b", "a: !!float 1",
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct text text;

		text_parse(&text, wrong[i]);
		assert_int_equal(text.ret, -EINVAL);
		assert_int_equal(text.diagnostics.count, 1);
		text_done(&text);
	}
}

#define GRIN "\xf0\x9f\x98\x80" /* U+1F600, \ud83d\ude00 */

/* JSON's surrogate pairs (RFC 8259, section 7) are characters in double quotes, text elsewhere. */
static void test_surrogates(void **state)
{
	/* A list with one item, and the text of this item; NULL if the list is refused. */
	static const char *const rows[][2] = {
		{ "[\"\\ud83d\\ude00\"]", GRIN },
		{ "[\"a\\uD83D\\uDE00\\ud83d\\ude00\\u00e9\"]", "a" GRIN GRIN "\xc3\xa9" },
		{ "[\"\\ud800\\udc00\\udbff\\udfff\"]", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" },
		{ "[\"\\\\ud83d\\\\ude00\"]", "\\ud83d\\ude00" },
		{ "[\"\\\\\\ud83d\\ude00\"]", "\\" GRIN },
		{ "['\\ud83d\\ude00']", "\\ud83d\\ude00" },
		{ "[\\ud83d\\uDE00, 'a', \"\\ud83d\\ude00\"]", "\\ud83d\\uDE00" },
		{ "- |\n  {\"a\": \"\\uD83d\\\\\\udE0F\\ude0\"}\n",
		  "{\"a\": \"\\uD83d\\\\\\udE0F\\ude0\"}\n" },
		{ "[\"\\ue800\"]", "\xee\xa0\x80" },
		{ "[\"\\ud83d\"]", NULL },
		{ "[\"\\ude00\\ud83d\"]", NULL },
		{ "[\"\\ud83d\\u0041\"]", NULL },
		{ "[\"\\ud83d\\ude0\"]", NULL },
		{ "[\"\\ud83d\\ude00\\ue800\"]", NULL },
		{ "[\"\\ud83d\\ude00\", \xee\xa0\x80]", NULL },
		{ "[\"\\ud83d\\ude00\\U0000E800\"]", NULL },
		{ "[\"\\", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct text text;

		text_parse(&text, rows[i][0]);
		assert_int_equal(text.ret, rows[i][1] ? 0 : -EINVAL);
		if (rows[i][1])
			assert_string_equal(text.document.root->items[0]->text, rows[i][1]);
		text_done(&text);
	}
}

/* No column changes because of a pair before it. */
static void test_surrogate_column(void **state)
{
	struct text text;

	text_parse(&text, "{\"a\": \"\\ud83d\\ude00\", b: c}");
	assert_int_equal(text.ret, 0);
	assert_int_equal(text.document.root->items[2]->location.column, 23);
	text_done(&text);
}

/* struct setting - a --set on "a: &n {b: 1}\nl: [*n, *n]\ns: x\n" and the resulting value. */
struct setting {
	const char *option;
	int ret;
	unsigned int key;  /* index in the root */
	unsigned int item; /* index in its value */
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
		int ret;

		text_parse(&text, "a: &n {b: 1}\nl: [*n, *n]\ns: x\n");
		ret = override_parse(rows[i].option, 1, &override, &text.diagnostics);
		if (ret == 0)
			ret = override_apply(&override, &text.document, &text.diagnostics);
		assert_int_equal(ret, rows[i].ret);
		assert_int_equal(text.diagnostics.count, ret < 0);
		if (rows[i].text)
			assert_string_equal(
				text.document.root->items[rows[i].key]->items[rows[i].item]->text,
				rows[i].text);
		/* Other aliases of the same node keep their value. */
		assert_string_equal(text.document.root->items[3]->items[1]->items[1]->text, "1");
		text_done(&text);
		override_done(&override);
	}
}

/* Messages are sorted and limited in number, and the rest is counted. */
static void test_diagnostics(void **state)
{
	cleanup_free char *shown = NULL;
	struct text text;

	text_parse(&text, "a: b\n");
	for (unsigned int i = 0; i < DIAGNOSTICS_SHOWN_MAX + 5; i++)
		diagnostics_add(&text.diagnostics, &text.document.root->items[i % 2]->location,
				"m%u \x1b", i);
	shown = diagnostics_text(&text.diagnostics);
	assert_memory_equal(shown, "x:1:1: m0 \\x1b\n    1 | a: b\n      | ^\nx:1:1: m2 ", 46);
	assert_non_null(strstr(shown, "x: 5 more errors\n"));
	assert_null(strchr(shown, '\x1b'));
	text_done(&text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shape),      cmocka_unit_test(test_alias),
		cmocka_unit_test(test_expansion),  cmocka_unit_test(test_refused),
		cmocka_unit_test(test_surrogates), cmocka_unit_test(test_surrogate_column),
		cmocka_unit_test(test_override),   cmocka_unit_test(test_diagnostics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
