// SPDX-License-Identifier: GPL-2.0-or-later
// YAML as a tree of nodes, bounded in depth and number whatever the text says.
#ifndef LAUNCHER_YAML_DOCUMENT_H
#define LAUNCHER_YAML_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "launcher/yaml/diagnostics.h"
#include "launcher/yaml/location.h"

#define DOCUMENT_DEPTH_MAX  32
#define DOCUMENT_NODES_MAX  10000
#define DOCUMENT_ANCHOR_MAX 100

/* Bits, so that a set of them says what is accepted. */
enum node_kind {
	NODE_SCALAR = 1,
	NODE_LIST = 2,
	NODE_MAPPING = 4,
};

/**
 * struct node - a value.
 * @kind: what it is.
 * @place: where it was written.
 * @null: a scalar that is left out, or a plain `null` or `~`.
 * @text: of a scalar, NUL-terminated, without NUL in it.
 * @items, @count: of a list: the entries; of a mapping: key, value, key, value.
 * @size: nodes in it, itself too, with anchors expanded.
 * @height: levels in it, 1 for a scalar.
 * @complete: false while its end was not read: an alias to it would be a cycle.
 * @next: the document's node before it.
 */
struct node {
	enum node_kind kind;
	struct place place;
	bool null;
	char *text;
	struct node **items;
	unsigned int count;
	unsigned int size;
	unsigned int height;
	bool complete;
	struct node *next;
};

/**
 * struct document - a tree; all zero when there is none.
 * @root: or NULL.
 * @nodes: all nodes, for document_done().
 * @size: nodes with anchors expanded.
 */
struct document {
	struct node *root;
	struct node *nodes;
	unsigned int size;
};

/**
 * document_parse() - parse a source that holds exactly one document without directives, tags of
 * other than the core types, cycles and merge keys.
 * @source: the text; lives at least as long as the document.
 * @document: the document; empty it with document_done() in any case.
 * @report: told the first error.
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int document_parse(const struct source *source, struct document *document, struct report *report);

/* document_node() - a new node that the document owns; NULL when memory ran out. */
struct node *document_node(struct document *document, enum node_kind kind,
			   const struct place *place);

/* node_append() - append an entry to a list, or a key or value to a mapping; 0 or -ENOMEM. */
int node_append(struct node *node, struct node *item);

/* node_kind_text() - "text", "a list" or "a mapping". */
const char *node_kind_text(const struct node *node);

void document_done(struct document *document);

#endif
