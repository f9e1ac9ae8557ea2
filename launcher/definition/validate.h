// SPDX-License-Identifier: GPL-2.0-or-later
// Checks the values of a definition against each other.
#ifndef LAUNCHER_DEFINITION_VALIDATE_H
#define LAUNCHER_DEFINITION_VALIDATE_H

#include "launcher/definition/definition.h"
#include "launcher/yaml/schema.h"

/**
 * validate_definition() - check values against each other.
 * @walk: the reading that filled the definition; its report is told all errors.
 * @definition: before resolve_definition(); a field whose value was refused is as if not set.
 * @root: the definition's node.
 */
void validate_definition(const struct walk *walk, const struct definition *definition,
			 const struct node *root);

#endif
