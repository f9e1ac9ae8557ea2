// SPDX-License-Identifier: GPL-2.0-or-later
// Finds what cloud-init ignores in a user-data file.
#include "launcher/yaml/cloud_config.h"

#include <stdint.h>
#include <string.h>
#include <yaml.h>

#include "launcher/common/text.h"
#include "launcher/yaml/libyaml.h"
#include "netsetup/base/cleanup.h"

/*
 * Theory of operation: cloud-init reads a user-data by its first characters (cloudinit/handlers),
 * and a cloud-config by PyYAML's safe_load(). libyaml reads the same language, with two
 * differences that matter here: PyYAML accepts a tab only in quotes, in block scalars and in
 * comments, and refuses tags and keys that libyaml does not interpret. The file's author is trusted
 * as the definition's is. A mistake or a generated file must not stop vmrun for minutes, see
 * bound_wrong().
 */

/* Limits of what cloud_config_check() reads. No known user-data comes near them. */
#define ANCHORS_MAX  1000
#define BRACKETS_MAX 100

#define NUMBER_TEXT_(number) #number
#define NUMBER_TEXT(number)  NUMBER_TEXT_(number)

#define WARN_IGNORED(diagnostics, location, format, ...)                                 \
	diagnostics_warn(diagnostics, location, "cloud-init ignores this file: " format, \
			 ##__VA_ARGS__)

#define TAB_WRONG "a tab can only be in quotes, a block of text or a comment"

/* Starts of a user-data that is not a cloud-config (INCLUSION_TYPES_MAP of cloud-init). */
static const char *const other_starts[] = {
	"#!",
	"#include",
	"#part-handler",
	"#cloud-boothook",
	"#cloud-config-archive",
	"#cloud-config-jsonp",
	"## template: jinja",
	"text/x-shellscript-per-",
};

/* Only the first 4096 bytes may say that a text is MIME (convert_string() of user_data.py). */
static bool is_mime(const char *text)
{
	const char *found = strcasestr(text, "mime-version:");

	return found && found - text < 4096;
}

/* cloud-init passes over blanks, and does not distinguish upper and lower case. */
static bool starts_with(const char *text, const char *start)
{
	return !strncasecmp(text + strspn(text, " \t\r\n\v\f"), start, strlen(start));
}

static bool is_other(const char *text, size_t size)
{
	bool other = is_mime(text) || (size > 1 && !memcmp(text, "\x1f\x8b", 2));

	for (size_t i = 0; i < ARRAY_SIZE(other_starts); i++)
		other = other || starts_with(text, other_starts[i]);
	return other;
}

/* Returns the reason why cloud-init does not recognize a text, or NULL. */
static const char *start_wrong(const char *text, size_t size)
{
	if (size > 2 && !memcmp(text, "\xef\xbb\xbf", 3))
		return "it begins with a byte order mark; save it as UTF-8 without one";
	if (size > 1 &&
	    (!memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2) || !text[0] != !text[1]))
		return "it is UTF-16; save it as UTF-8";
	if (!starts_with(text, "#cloud-config"))
		return "it does not begin with '#cloud-config', '#!' or another start that "
		       "cloud-init knows";
	return NULL;
}

/**
 * struct cursor - a place in a text while tabs are searched.
 * @offset: bytes before it.
 * @index: characters before it.
 * @comment: true in a comment.
 */
struct cursor {
	size_t offset;
	size_t index;
	bool comment;
	struct location location;
};

static void cursor_init(struct cursor *cursor, const struct source *source)
{
	*cursor = (struct cursor){ .location = { source, 1, 1, 1 } };
}

static void cursor_advance(struct cursor *cursor)
{
	const struct source *source = cursor->location.source;
	const char *text = source->text + cursor->offset;
	uint32_t character;
	size_t length = text_decode(text, source->size - cursor->offset, &character);

	if (*text == '#' && (!cursor->offset || strchr(" \t\n", text[-1])))
		cursor->comment = true;
	cursor->index++;
	cursor->offset += length ? length : 1;
	cursor->location.column++;
	if (*text == '\n') {
		cursor->comment = false;
		cursor->location.line++;
		cursor->location.column = 1;
	}
}

/* Searches a tab outside of comments in the characters before @index. */
static bool cursor_find_tab(struct cursor *cursor, size_t index)
{
	const struct source *source = cursor->location.source;

	for (; cursor->index < index && cursor->offset < source->size; cursor_advance(cursor))
		if (source->text[cursor->offset] == '\t' && !cursor->comment)
			return true;
	return false;
}

/* Searches a tab that PyYAML refuses: the scalars in quotes and the block scalars are left out. */
static bool find_tab(const yaml_document_t *document, struct cursor *cursor)
{
	for (const yaml_node_t *node = document->nodes.start; node < document->nodes.top; node++) {
		if (node->type != YAML_SCALAR_NODE ||
		    node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
			continue;
		if (cursor_find_tab(cursor, node->start_mark.index))
			return true;
		while (cursor->index < node->end_mark.index)
			cursor_advance(cursor);
		cursor->comment = false;
	}
	return cursor_find_tab(cursor, SIZE_MAX);
}

/* A character that libyaml refuses has only an offset, any other error only a mark. */
static void find_problem(const yaml_parser_t *parser, struct cursor *cursor)
{
	const bool character = parser->error == YAML_READER_ERROR;
	const size_t offset = character ? parser->problem_offset : SIZE_MAX;
	const size_t index = character ? SIZE_MAX : parser->problem_mark.index;

	while (cursor->offset < offset && cursor->index < index &&
	       cursor->offset < cursor->location.source->size)
		cursor_advance(cursor);
}

static void warn_syntax(const struct source *source, const yaml_parser_t *parser,
			struct diagnostics *diagnostics)
{
	struct cursor cursor;

	if (parser->error == YAML_MEMORY_ERROR) {
		diagnostics->failed = true;
		return;
	}
	cursor_init(&cursor, source);
	find_problem(parser, &cursor);
	if (source->text[cursor.offset] == '\t')
		WARN_IGNORED(diagnostics, &cursor.location, TAB_WRONG);
	else
		WARN_IGNORED(diagnostics, &cursor.location, "not YAML: %s%s%s", parser->problem,
			     parser->context ? " " : "", parser->context ? parser->context : "");
}

/* safe_load() makes the values of the core tags alone, and no tag of Python's. */
static bool tag_known(const char *tag)
{
	static const char core[] = "tag:yaml.org,2002:";

	return !strncmp(tag, core, strlen(core)) && !strchr(tag + strlen(core), '/');
}

static const char *kind_text(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE     ? "text"
	       : node->type == YAML_SEQUENCE_NODE ? "a list"
						  : "a mapping";
}

/* Returns a key of a mapping that Python cannot use as one, or NULL: '{{ x }}' is such a key. */
static const yaml_node_t *key_wrong(yaml_document_t *document, const yaml_node_t *node)
{
	if (node->type != YAML_MAPPING_NODE)
		return NULL;
	for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(document, pair->key);

		if (key->type != YAML_SCALAR_NODE)
			return key;
	}
	return NULL;
}

static bool check_node(yaml_document_t *document, const yaml_node_t *node,
		       const struct source *source, struct diagnostics *diagnostics)
{
	const yaml_node_t *key = key_wrong(document, node);
	struct location location = libyaml_node_location(source, key ? key : node);

	if (key)
		WARN_IGNORED(diagnostics, &location, "a key must be text, not %s", kind_text(key));
	else if (!tag_known((const char *)node->tag))
		WARN_IGNORED(diagnostics, &location, "it has the unknown tag '%s'",
			     TEXT_SHORT((const char *)node->tag));
	else
		return true;
	return false;
}

/* Returns the root if cloud-init reads the document, else adds a warning and returns NULL. */
static const yaml_node_t *check_document(yaml_document_t *document, const struct source *source,
					 struct diagnostics *diagnostics)
{
	const yaml_node_t *root = yaml_document_get_root_node(document);
	struct location location = { source, 1, 1, 0 };
	struct cursor cursor;

	cursor_init(&cursor, source);
	if (root)
		location = libyaml_node_location(source, root);
	if (!root)
		WARN_IGNORED(diagnostics, &location, "it has no keys");
	else if (root->type != YAML_MAPPING_NODE)
		WARN_IGNORED(diagnostics, &location, "it must be a mapping of keys, not %s",
			     kind_text(root));
	else if (find_tab(document, &cursor))
		WARN_IGNORED(diagnostics, &cursor.location, TAB_WRONG);
	else {
		for (const yaml_node_t *node = document->nodes.start; node < document->nodes.top;
		     node++)
			if (!check_node(document, node, source, diagnostics))
				return NULL;
		return root;
	}
	return NULL;
}

static bool parser_open(yaml_parser_t *parser, const struct source *source,
			struct diagnostics *diagnostics)
{
	if (!yaml_parser_initialize(parser)) {
		diagnostics->failed = true;
		return false;
	}
	yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(parser, (const unsigned char *)source->text, source->size);
	return true;
}

/* Counts what makes libyaml slow; returns the limit that a token exceeds, or NULL. */
static const char *count_token(const yaml_token_t *token, unsigned int *anchors,
			       unsigned int *brackets)
{
	const yaml_token_type_t type = token->type;

	*anchors += type == YAML_ANCHOR_TOKEN || type == YAML_ALIAS_TOKEN ||
		    type == YAML_TAG_DIRECTIVE_TOKEN;
	*brackets += type == YAML_FLOW_SEQUENCE_START_TOKEN ||
		     type == YAML_FLOW_MAPPING_START_TOKEN;
	if (*brackets &&
	    (type == YAML_FLOW_SEQUENCE_END_TOKEN || type == YAML_FLOW_MAPPING_END_TOKEN))
		--*brackets;
	if (*anchors > ANCHORS_MAX)
		return "it has more than " NUMBER_TEXT(
			ANCHORS_MAX) " anchors, aliases and %TAG lines";
	if (*brackets > BRACKETS_MAX)
		return "its brackets are nested more than " NUMBER_TEXT(
			BRACKETS_MAX) " levels deep";
	return NULL;
}

/*
 * Adds a warning about a text that libyaml would need too long for: its time grows with the square
 * of the number of anchors, aliases and %TAG lines, and with the depth of brackets for each token.
 */
static bool bound_wrong(const struct source *source, struct diagnostics *diagnostics)
{
	unsigned int anchors = 0, brackets = 0;
	const char *wrong = NULL;
	yaml_parser_t parser;
	bool end = false;

	if (!parser_open(&parser, source, diagnostics))
		return true;
	while (!end && !wrong) {
		struct location location;
		yaml_token_t token;

		/* load() reports the error. */
		if (!yaml_parser_scan(&parser, &token))
			break;
		wrong = count_token(&token, &anchors, &brackets);
		location = libyaml_location(source, &token.start_mark, &token.end_mark);
		if (wrong)
			diagnostics_warn(diagnostics, &location, "cannot check this file: %s",
					 wrong);
		end = token.type == YAML_STREAM_END_TOKEN;
		yaml_token_delete(&token);
	}
	yaml_parser_delete(&parser);
	return wrong;
}

static bool load(yaml_parser_t *parser, const struct source *source, yaml_document_t *document,
		 struct diagnostics *diagnostics)
{
	if (yaml_parser_load(parser, document))
		return true;
	warn_syntax(source, parser, diagnostics);
	return false;
}

/* Returns true at the end of the text; safe_load() refuses a second document. */
static bool load_end(yaml_parser_t *parser, const struct source *source,
		     struct diagnostics *diagnostics)
{
	struct location location;
	yaml_document_t second;
	const yaml_node_t *root;

	if (!load(parser, source, &second, diagnostics))
		return false;
	root = yaml_document_get_root_node(&second);
	if (root) {
		location = libyaml_node_location(source, root);
		WARN_IGNORED(diagnostics, &location, "a second document begins here");
	}
	yaml_document_delete(&second);
	return !root;
}

/* Returns true if the text is one document, which the caller deletes; else adds a warning. */
static bool parse(const struct source *source, yaml_document_t *document,
		  struct diagnostics *diagnostics)
{
	yaml_parser_t parser;
	bool whole;

	if (bound_wrong(source, diagnostics) || !parser_open(&parser, source, diagnostics))
		return false;
	whole = load(&parser, source, document, diagnostics);
	if (whole && !load_end(&parser, source, diagnostics)) {
		yaml_document_delete(document);
		whole = false;
	}
	yaml_parser_delete(&parser);
	return whole;
}

static void check_network(yaml_document_t *document, const yaml_node_t *root,
			  const struct source *source, struct diagnostics *diagnostics)
{
	const yaml_node_pair_t *pair = libyaml_find(document, root, "network");
	struct location location;

	if (!pair)
		return;
	location = libyaml_node_location(source, yaml_document_get_node(document, pair->key));
	diagnostics_warn(diagnostics, &location, "cloud-init ignores 'network' in user-data");
}

void cloud_config_check(const struct source *source, const struct cloud_merge *merge,
			struct diagnostics *diagnostics)
{
	const char *wrong = start_wrong(source->text, source->size);
	const yaml_node_t *root;
	yaml_document_t document;

	if (is_other(source->text, source->size))
		return;
	if (wrong) {
		WARN_IGNORED(diagnostics, (&(struct location){ source, 1, 1, 0 }), "%s", wrong);
		return;
	}
	if (!parse(source, &document, diagnostics))
		return;
	root = check_document(&document, source, diagnostics);
	if (root)
		check_network(&document, root, source, diagnostics);
	if (root)
		cloud_merge_check(merge, &document, root, source, diagnostics);
	yaml_document_delete(&document);
}

bool cloud_config_has(const char *text, size_t size, const char *key)
{
	struct source source = { .name = (char *)"user-data", .text = (char *)text, .size = size };
	struct diagnostics ignored = { 0 };
	const yaml_node_t *root;
	yaml_document_t document;
	bool has = false;

	if (text && !start_wrong(text, size) && !is_other(text, size) &&
	    parse(&source, &document, &ignored)) {
		root = check_document(&document, &source, &ignored);
		has = root && libyaml_find(&document, root, key);
		yaml_document_delete(&document);
	}
	diagnostics_done(&ignored);
	return has;
}
