// SPDX-License-Identifier: GPL-2.0-or-later
// Replaces a value of a definition: the option --set KEY.PATH=VALUE.
#include "launcher/yaml/override.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/common/text.h"
#include "launcher/yaml/scalar.h"
#include "launcher/yaml/source.h"
#include "netsetup/base/cleanup.h"

static int override_refuse(const struct override *override, struct diagnostics *diagnostics,
			   const char *why)
{
	diagnostics_add(diagnostics, &(struct location){ .source = &override->source }, "%s", why);
	return -EINVAL;
}

static int override_split(const char *text, size_t size, struct override *override)
{
	override->path = strndup(text, size);
	if (!override->path)
		return -ENOMEM;
	for (char *dot = override->path; (dot = strchr(dot, '.')); dot++) {
		*dot = '\0';
		override->length++;
	}
	override->length++;
	return 0;
}

static bool path_valid(const struct override *override)
{
	const char *key = override->path;

	for (unsigned int i = 0; i < override->length; i++, key += strlen(key) + 1)
		if (!key[0] || !text_clean(key, ""))
			return false;
	return true;
}

int override_parse(const char *text, unsigned int rank, struct override *override,
		   struct diagnostics *diagnostics)
{
	const char *equals = strchr(text, '=');
	const char *value = equals ? equals + 1 : "";
	cleanup_free char *name = NULL;
	int ret;

	name = text_format("--set %s", text);
	if (!name)
		return -ENOMEM;
	ret = source_from_memory(name, value, strlen(value), &override->source, diagnostics);
	override->source.option = true;
	override->source.rank = rank;
	if (ret < 0)
		return ret;
	if (!equals)
		return override_refuse(override, diagnostics, "must be KEY.PATH=VALUE");
	if (override_split(text, (size_t)(equals - text), override) < 0)
		return -ENOMEM;
	if (!path_valid(override))
		return override_refuse(override, diagnostics, "must be KEY.PATH=VALUE");
	if (!value[strspn(value, " ")])
		return override_refuse(override, diagnostics, "there is no value after '='");
	return document_parse(&override->source, &override->document, diagnostics);
}

/* Copies a node before it is changed: an alias elsewhere in the document may share it. */
static struct node *node_copy(struct document *document, const struct node *node)
{
	struct node *copy = document_node(document, node->kind, &node->location);

	for (unsigned int i = 0; copy && i < node->count; i++)
		if (document_append(copy, node->items[i]) < 0)
			return NULL;
	return copy;
}

/**
 * struct step - the state while the keys of an override's path are followed.
 * @depth: depth of the current node, 0 for the root.
 * @slot: the pointer in the document to the current node.
 * @parent: name of the current node, for messages.
 * @name: key or index of the next node in it.
 */
struct step {
	const struct override *override;
	struct document *document;
	struct diagnostics *diagnostics;
	unsigned int depth;
	struct node **slot;
	const char *parent;
	const char *name;
};

static int step_mapping(struct step *step, struct node *node)
{
	const struct location location = { .source = &step->override->source };
	struct node *key = document_node(step->document, NODE_SCALAR, &location);
	struct node *nothing = document_node(step->document, NODE_SCALAR, &location);

	if (!key || !nothing || !(key->text = strdup(step->name)))
		return -ENOMEM;
	nothing->null = true;
	for (unsigned int i = 0; i + 1 < node->count; i += 2) {
		if (strcmp(node->items[i]->text, step->name))
			continue;
		node->items[i] = key;
		step->slot = &node->items[i + 1];
		return 0;
	}
	if (document_append(node, key) < 0 || document_append(node, nothing) < 0)
		return -ENOMEM;
	step->slot = &node->items[node->count - 1];
	return 0;
}

static int step_list(struct step *step, struct node *node)
{
	const struct location location = { .source = &step->override->source };
	struct node *nothing;
	uint64_t index;

	if (!scalar_count(step->name, &index) || index > node->count) {
		diagnostics_add(step->diagnostics, &location,
				"'%s' is a list of %u: there is no '%s' in it",
				TEXT_SHORT(step->parent), node->count, TEXT_SHORT(step->name));
		return -EINVAL;
	}
	if (index == node->count) {
		nothing = document_node(step->document, NODE_SCALAR, &location);
		if (!nothing || document_append(node, nothing) < 0)
			return -ENOMEM;
		nothing->null = true;
	}
	step->slot = &node->items[index];
	return 0;
}

/* True for the word 'lan', which is a network with all its defaults. */
static bool is_lan(const struct node *node)
{
	return node->kind == NODE_SCALAR && !node->null && !strcmp(node->text, "lan");
}

/* True if an entry of 'network' is of type lan, which is the default. */
static bool may_be_lan(const struct node *node)
{
	for (unsigned int i = 0; node->kind == NODE_MAPPING && i + 1 < node->count; i += 2)
		if (!strcmp(node->items[i]->text, "type"))
			return is_lan(node->items[i + 1]);
	return node->kind == NODE_MAPPING || is_lan(node);
}

static int step_into(struct step *step);

/*
 * In a list of networks, `network.uplink` is that of the one network of type lan. Therefore
 * --uplink and --address have the same meaning for every definition.
 */
static int step_networks(struct step *step, struct node *node)
{
	for (unsigned int i = 0; i < node->count; i++) {
		if (!may_be_lan(node->items[i]))
			continue;
		step->slot = &node->items[i];
		step->depth++;
		return step_into(step);
	}
	diagnostics_add(step->diagnostics, &(struct location){ .source = &step->override->source },
			"none of the networks is of type lan, so there is no '%s'",
			TEXT_SHORT(step->name));
	return -EINVAL;
}

/* True at 'network' if a key follows, not the index of an entry. */
static bool at_networks(const struct step *step)
{
	uint64_t index;

	return step->depth == 1 && !strcmp(step->parent, "network") &&
	       !scalar_count(step->name, &index);
}

static int step_into(struct step *step)
{
	const struct location location = { .source = &step->override->source };
	struct node *node = *step->slot;
	const bool in_network = step->depth > 0 && !strcmp(step->override->path, "network");
	uint64_t index;

	if (node->kind == NODE_SCALAR && !node->null && !(in_network && is_lan(node))) {
		diagnostics_add(
			step->diagnostics, &location, "'%s' is '%s' there, so it has no key '%s'",
			TEXT_SHORT(step->parent), TEXT_SHORT(node->text), TEXT_SHORT(step->name));
		return -EINVAL;
	}
	if (node->kind == NODE_SCALAR)
		node = document_node(step->document,
				     scalar_count(step->name, &index) ? NODE_LIST : NODE_MAPPING,
				     &location);
	else
		node = node_copy(step->document, node);
	if (!node)
		return -ENOMEM;
	*step->slot = node;
	if (node->kind == NODE_LIST && at_networks(step))
		return step_networks(step, node);
	return node->kind == NODE_LIST ? step_list(step, node) : step_mapping(step, node);
}

int override_apply(const struct override *override, struct document *document,
		   struct diagnostics *diagnostics)
{
	struct step step = { .override = override,
			     .document = document,
			     .diagnostics = diagnostics };
	int ret;

	if (!override->document.root)
		return -EINVAL;
	step.slot = &document->root;
	step.name = override->path;
	for (unsigned int i = 0; i < override->length; i++) {
		step.depth = i;
		ret = step_into(&step);
		if (ret < 0)
			return ret;
		step.parent = step.name;
		step.name += strlen(step.name) + 1;
	}
	*step.slot = override->document.root;
	return 0;
}

void override_done(struct override *override)
{
	document_done(&override->document);
	source_done(&override->source);
	free(override->path);
	memset(override, 0, sizeof(*override));
}
