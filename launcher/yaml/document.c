// SPDX-License-Identifier: GPL-2.0-or-later
// Parses YAML into a tree of nodes with bounded depth and size.
#include "launcher/yaml/document.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "launcher/common/text.h"
#include "launcher/yaml/libyaml.h"
#include "launcher/yaml/surrogate.h"
#include "launcher/yaml/syntax.h"
#include "netsetup/base/cleanup.h"

/*
 * Theory of operation: a definition may be hostile. The tree is built from libyaml's events one by
 * one: a text that exceeds a bound stops the parser there, and libyaml holds only its lookahead
 * (1024 characters). libyaml's own composer would build all first, in time that grows with the
 * square of the number of anchors and %TAG directives. An alias is a second pointer to the anchored
 * node. Each node has the number of nodes and levels that it expands to. An alias that exceeds a
 * bound is refused, and so is an alias to a node that is not complete: it would be a cycle.
 */

struct anchor {
	char *name;
	struct node *node;
};

/**
 * struct builder - the state while a document is built.
 * @parser: libyaml's parser.
 * @hidden: true if the parser reads a text of surrogate_hide().
 * @anchors, @anchor_count: in the order of the text; of equal names, the last one counts.
 * @failed: 0 or a negative errno.
 */
struct builder {
	yaml_parser_t parser;
	const struct source *source;
	struct document *document;
	struct diagnostics *diagnostics;
	bool hidden;
	struct anchor anchors[DOCUMENT_ANCHOR_MAX];
	unsigned int anchor_count;
	int failed;
};

struct core_tag {
	const char *name;
	enum node_kind kind;
};

static const char core_prefix[] = "tag:yaml.org,2002:";

static const struct core_tag core_tags[] = {
	{ "!", NODE_SCALAR | NODE_LIST | NODE_MAPPING },
	{ YAML_STR_TAG, NODE_SCALAR },
	{ YAML_INT_TAG, NODE_SCALAR },
	{ YAML_SEQ_TAG, NODE_LIST },
	{ YAML_MAP_TAG, NODE_MAPPING },
};

#define build_refuse(builder, location, ...)                                    \
	do {                                                                    \
		(builder)->failed = -EINVAL;                                    \
		diagnostics_add((builder)->diagnostics, location, __VA_ARGS__); \
	} while (0)

static void build_syntax(struct builder *builder)
{
	const yaml_parser_t *parser = &builder->parser;
	struct location location = libyaml_location(builder->source, &parser->problem_mark, NULL);
	const char *text;

	if (parser->error == YAML_MEMORY_ERROR) {
		builder->failed = -ENOMEM;
		return;
	}
	text = syntax_text(parser, builder->source);
	if (text)
		build_refuse(builder, &location, "%s", text);
	else if (parser->context && parser->context_mark.line + 1 != location.line)
		build_refuse(builder, &location, "not YAML: %s %s that begins in line %zu",
			     parser->problem, parser->context, parser->context_mark.line + 1);
	else if (parser->context)
		build_refuse(builder, &location, "not YAML: %s %s", parser->problem,
			     parser->context);
	else
		build_refuse(builder, &location, "not YAML: %s", parser->problem);
}

static bool build_next(struct builder *builder, yaml_event_t *event)
{
	if (yaml_parser_parse(&builder->parser, event))
		return true;
	build_syntax(builder);
	return false;
}

/* Counts one new node, or all nodes that an alias expands to. */
static bool build_count(struct builder *builder, const struct location *location, unsigned int size,
			bool alias)
{
	builder->document->size += size;
	if (builder->document->size <= DOCUMENT_NODES_MAX)
		return true;
	build_refuse(builder, location,
		     alias ? "anchors expand to more than %u values" : "more than %u values",
		     DOCUMENT_NODES_MAX);
	return false;
}

static bool build_depth(struct builder *builder, const struct location *location,
			unsigned int depth)
{
	if (depth <= DOCUMENT_DEPTH_MAX)
		return true;
	build_refuse(builder, location, "nested more than %u levels deep", DOCUMENT_DEPTH_MAX);
	return false;
}

static bool build_anchor(struct builder *builder, struct node *node, const yaml_char_t *name)
{
	struct anchor *anchor = &builder->anchors[builder->anchor_count];

	if (!name)
		return true;
	if (builder->anchor_count == DOCUMENT_ANCHOR_MAX) {
		build_refuse(builder, &node->location, "more than %u anchors", DOCUMENT_ANCHOR_MAX);
		return false;
	}
	anchor->name = strdup((const char *)name);
	if (!anchor->name) {
		builder->failed = -ENOMEM;
		return false;
	}
	anchor->node = node;
	builder->anchor_count++;
	return true;
}

static struct node *build_alias(struct builder *builder, const yaml_event_t *event,
				unsigned int depth)
{
	const char *name = (const char *)event->data.alias.anchor;
	struct location location = libyaml_location(builder->source, &event->start_mark,
						    &event->end_mark);
	struct node *node = NULL;

	for (unsigned int i = 0; i < builder->anchor_count; i++)
		if (!strcmp(builder->anchors[i].name, name))
			node = builder->anchors[i].node;
	if (!node) {
		build_refuse(builder, &location, "no anchor '%s' before this alias",
			     TEXT_SHORT(name));
		return NULL;
	}
	if (!node->complete) {
		build_refuse(builder, &location, "the anchor '%s' contains itself",
			     TEXT_SHORT(name));
		return NULL;
	}
	if (!build_count(builder, &location, node->size, true) ||
	    !build_depth(builder, &location, depth + node->height - 1))
		return NULL;
	return node;
}

static bool build_tag(struct builder *builder, const struct node *node, const yaml_char_t *tag)
{
	const char *name = (const char *)tag;

	if (!name)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(core_tags); i++)
		if ((core_tags[i].kind & node->kind) && !strcmp(core_tags[i].name, name))
			return true;
	if (!strncmp(name, core_prefix, strlen(core_prefix)))
		build_refuse(builder, &node->location, "the tag '!!%s' has no meaning here",
			     TEXT_SHORT(name + strlen(core_prefix)));
	else
		build_refuse(builder, &node->location, "the tag '%s' has no meaning here",
			     TEXT_SHORT(name));
	return false;
}

static bool scalar_null(const yaml_event_t *event)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };

	if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE || event->data.scalar.tag)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(nulls); i++)
		if (!strcmp((const char *)event->data.scalar.value, nulls[i]))
			return true;
	return false;
}

static struct node *build_scalar(struct builder *builder, const yaml_event_t *event)
{
	struct location location = libyaml_location(builder->source, &event->start_mark,
						    &event->end_mark);
	const char *text = (const char *)event->data.scalar.value;
	struct node *node;

	if (strlen(text) != event->data.scalar.length) {
		build_refuse(builder, &location, "a NUL character cannot be part of a value");
		return NULL;
	}
	node = document_node(builder->document, NODE_SCALAR, &location);
	if (node)
		node->text = strdup(text);
	if (!node || !node->text) {
		builder->failed = -ENOMEM;
		return NULL;
	}
	if (builder->hidden &&
	    !surrogate_show(node->text,
			    event->data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE)) {
		build_refuse(builder, &location,
			     "half of a surrogate pair cannot be part of a value");
		return NULL;
	}
	node->null = scalar_null(event);
	if (!build_tag(builder, node, event->data.scalar.tag) ||
	    !build_anchor(builder, node, event->data.scalar.anchor))
		return NULL;
	return node;
}

static struct node *build_node(struct builder *builder, const yaml_event_t *event,
			       unsigned int depth);

static bool build_item(struct builder *builder, struct node *node, const yaml_event_t *event,
		       unsigned int depth)
{
	bool key = node->kind == NODE_MAPPING && node->count % 2 == 0;
	struct node *item = build_node(builder, event, depth + 1);

	if (!item)
		return false;
	if (key && item->kind != NODE_SCALAR) {
		build_refuse(builder, &item->location, "a key must be a word, not %s",
			     document_kind_text(item));
		return false;
	}
	if (key && !strcmp(item->text, "<<")) {
		build_refuse(builder, &item->location,
			     "merge keys ('<<') are not supported: write the keys out");
		return false;
	}
	if (document_append(node, item) < 0) {
		builder->failed = -ENOMEM;
		return false;
	}
	node->size += item->size;
	if (node->height <= item->height)
		node->height = item->height + 1;
	return true;
}

static struct node *build_collection(struct builder *builder, const yaml_event_t *start,
				     unsigned int depth)
{
	bool list = start->type == YAML_SEQUENCE_START_EVENT;
	struct location location = libyaml_location(builder->source, &start->start_mark, NULL);
	struct node *node;
	bool end = false;

	node = document_node(builder->document, list ? NODE_LIST : NODE_MAPPING, &location);
	if (!node) {
		builder->failed = -ENOMEM;
		return NULL;
	}
	if (!build_tag(builder, node,
		       list ? start->data.sequence_start.tag : start->data.mapping_start.tag) ||
	    !build_anchor(builder, node,
			  list ? start->data.sequence_start.anchor
			       : start->data.mapping_start.anchor))
		return NULL;
	while (!end) {
		yaml_event_t event;

		if (!build_next(builder, &event))
			return NULL;
		end = event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT;
		if (!end && !build_item(builder, node, &event, depth))
			node = NULL;
		yaml_event_delete(&event);
		if (!node)
			return NULL;
	}
	return node;
}

static struct node *build_node(struct builder *builder, const yaml_event_t *event,
			       unsigned int depth)
{
	struct location location = libyaml_location(builder->source, &event->start_mark, NULL);
	struct node *node;

	if (event->type == YAML_ALIAS_EVENT)
		return build_alias(builder, event, depth);
	if (!build_depth(builder, &location, depth) || !build_count(builder, &location, 1, false))
		return NULL;
	if (event->type == YAML_SCALAR_EVENT)
		node = build_scalar(builder, event);
	else
		node = build_collection(builder, event, depth);
	if (node)
		node->complete = true;
	return node;
}

static void build_second(struct builder *builder, const yaml_event_t *event)
{
	struct location location = libyaml_location(builder->source, &event->start_mark,
						    &event->end_mark);

	build_refuse(builder, &location, "a second document begins here; a definition is one");
}

/* Order of events: stream start, document start, node, document end, stream end. */
static void build_stream(struct builder *builder)
{
	yaml_event_type_t type = YAML_NO_EVENT;
	yaml_event_t event;

	while (!builder->failed && type != YAML_STREAM_END_EVENT) {
		if (!build_next(builder, &event))
			return;
		type = event.type;
		if (type == YAML_DOCUMENT_START_EVENT && builder->document->root)
			build_second(builder, &event);
		else if (type == YAML_SCALAR_EVENT || type == YAML_SEQUENCE_START_EVENT ||
			 type == YAML_MAPPING_START_EVENT || type == YAML_ALIAS_EVENT)
			builder->document->root = build_node(builder, &event, 1);
		yaml_event_delete(&event);
	}
}

int document_parse(const struct source *source, struct document *document,
		   struct diagnostics *diagnostics)
{
	struct builder builder = { .source = source,
				   .document = document,
				   .diagnostics = diagnostics };
	cleanup_free char *text = strdup(source->text);

	memset(document, 0, sizeof(*document));
	if (!text || !yaml_parser_initialize(&builder.parser))
		return -ENOMEM;
	builder.hidden = surrogate_hide(text);
	yaml_parser_set_encoding(&builder.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&builder.parser, (const unsigned char *)text, source->size);
	build_stream(&builder);
	yaml_parser_delete(&builder.parser);
	for (unsigned int i = 0; i < builder.anchor_count; i++)
		free(builder.anchors[i].name);
	if (!builder.failed && !document->root)
		build_refuse(&builder, &(struct location){ .source = source },
			     "there is nothing in it");
	return builder.failed;
}

struct node *document_node(struct document *document, enum node_kind kind,
			   const struct location *location)
{
	struct node *node = calloc(1, sizeof(*node));

	if (!node)
		return NULL;
	node->kind = kind;
	node->location = *location;
	node->size = 1;
	node->height = 1;
	node->next = document->nodes;
	document->nodes = node;
	return node;
}

int document_append(struct node *node, struct node *item)
{
	/* The capacity is a power of two: the array is full when the count is a power of two. */
	if ((node->count & (node->count - 1)) == 0) {
		size_t capacity = node->count ? 2 * (size_t)node->count : 1;
		struct node **items = reallocarray(node->items, capacity, sizeof(struct node *));

		if (!items)
			return -ENOMEM;
		node->items = items;
	}
	node->items[node->count++] = item;
	return 0;
}

const char *document_kind_text(const struct node *node)
{
	switch (node->kind) {
	case NODE_SCALAR:
		return "text";
	case NODE_LIST:
		return "a list";
	case NODE_MAPPING:
		return "a mapping";
	}
	assert(false);
	return "";
}

void document_done(struct document *document)
{
	for (struct node *node = document->nodes, *next; node; node = next) {
		next = node->next;
		free(node->text);
		free(node->items);
		free(node);
	}
	memset(document, 0, sizeof(*document));
}
