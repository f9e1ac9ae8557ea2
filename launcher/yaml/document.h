// SPDX-License-Identifier: GPL-2.0-or-later
// Parses YAML into a tree of nodes with bounded depth and size.
#ifndef LAUNCHER_YAML_DOCUMENT_H
#define LAUNCHER_YAML_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "launcher/yaml/diagnostics.h"
#include "launcher/yaml/location.h"

#define DOCUMENT_DEPTH_MAX  32
#define DOCUMENT_NODES_MAX  10000
#define DOCUMENT_ANCHOR_MAX 100

/* Bits of struct type.node_kinds. */
enum node_kind {
	NODE_SCALAR = 1,
	NODE_LIST = 2,
	NODE_MAPPING = 4,
};

/**
 * struct node - a value.
 * @kind: one bit.
 * @location: its place in the text.
 * @null: true for a scalar that is left out, or a plain `null` or `~`.
 * @text: text of a scalar.
 * @items, @count: entries of a list; for a mapping: key, value, key, value.
 * @size: number of nodes, with itself, after aliases are expanded.
 * @height: number of levels, 1 for a scalar.
 * @complete: false until its end is read. Until then, an alias to it is a cycle.
 * @next: next node in the list of the document's nodes.
 */
struct node {
	enum node_kind kind;
	struct location location;
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
 * struct document - a tree; all zero if there is none.
 * @root: may be NULL.
 * @nodes: list of all nodes, for document_done().
 * @size: number of nodes after aliases are expanded.
 */
struct document {
	struct node *root;
	struct node *nodes;
	unsigned int size;
};

/**
 * document_parse() - parse a text, which must be one document and must not have directives, tags
 * of other than the core types, cycles or merge keys.
 * @source: must live as long as the document.
 * @document: empty it with document_done() in any case.
 * @diagnostics: gets the first error.
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int document_parse(const struct source *source, struct document *document,
		   struct diagnostics *diagnostics);

/* document_node() - make a node that the document owns; NULL if memory ran out. */
struct node *document_node(struct document *document, enum node_kind kind,
			   const struct location *location);

/* document_append() - add an entry to a list, or a key or value to a mapping; 0 or -ENOMEM. */
int document_append(struct node *node, struct node *item);

/* document_kind_text() - return "text", "a list" or "a mapping". */
const char *document_kind_text(const struct node *node);

void document_done(struct document *document);

#endif
