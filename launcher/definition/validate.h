// SPDX-License-Identifier: GPL-2.0-or-later
// Checks the values of a definition against each other.
#ifndef LAUNCHER_DEFINITION_VALIDATE_H
#define LAUNCHER_DEFINITION_VALIDATE_H

#include "launcher/definition/definition.h"
#include "launcher/yaml/schema.h"

/**
 * validate_definition() - check values against each other.
 * @loader: the loader that filled the definition; its diagnostics get all errors.
 * @definition: before resolve_definition(); a field with a refused value is unset.
 * @root: the definition's node.
 */
void validate_definition(const struct loader *loader, const struct definition *definition,
			 const struct node *root);

#endif
