// SPDX-License-Identifier: GPL-2.0-or-later
// Locates and finds the nodes of libyaml's documents.
#ifndef LAUNCHER_YAML_LIBYAML_H
#define LAUNCHER_YAML_LIBYAML_H

#include <yaml.h>

#include "launcher/yaml/location.h"

/**
 * libyaml_location() - return the range between two marks.
 * @end: NULL if the length is unknown.
 */
struct location libyaml_location(const struct source *source, const yaml_mark_t *start,
				 const yaml_mark_t *end);

/* libyaml_node_location() - return the range of a node. */
struct location libyaml_node_location(const struct source *source, const yaml_node_t *node);

/**
 * libyaml_find() - find a key of a mapping whose keys are scalars; the last one counts.
 *
 * Return: the key with its value, or NULL.
 */
const yaml_node_pair_t *libyaml_find(yaml_document_t *document, const yaml_node_t *mapping,
				     const char *name);

/* libyaml_value() - return the value of a key that libyaml_find() finds, or NULL. */
const yaml_node_t *libyaml_value(yaml_document_t *document, const yaml_node_t *mapping,
				 const char *name);

#endif
