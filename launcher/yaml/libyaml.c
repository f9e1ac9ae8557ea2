// SPDX-License-Identifier: GPL-2.0-or-later
// Locates and finds the nodes of libyaml's documents.
#include "launcher/yaml/libyaml.h"

#include <string.h>

struct location libyaml_location(const struct source *source, const yaml_mark_t *start,
				 const yaml_mark_t *end)
{
	struct location location = { .source = source,
				     .line = (unsigned int)start->line + 1,
				     .column = (unsigned int)start->column + 1 };

	if (end && end->line == start->line)
		location.length = (unsigned int)(end->column - start->column);
	return location;
}

struct location libyaml_node_location(const struct source *source, const yaml_node_t *node)
{
	return libyaml_location(source, &node->start_mark, &node->end_mark);
}

const yaml_node_pair_t *libyaml_find(yaml_document_t *document, const yaml_node_t *mapping,
				     const char *name)
{
	const yaml_node_pair_t *found = NULL;

	for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
	     pair < mapping->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(document, pair->key);

		if (!strcmp((const char *)key->data.scalar.value, name))
			found = pair;
	}
	return found;
}

const yaml_node_t *libyaml_value(yaml_document_t *document, const yaml_node_t *mapping,
				 const char *name)
{
	const yaml_node_pair_t *pair = libyaml_find(document, mapping, name);

	return pair ? yaml_document_get_node(document, pair->value) : NULL;
}
