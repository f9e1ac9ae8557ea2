// SPDX-License-Identifier: GPL-2.0-or-later
// Checks that the files that a definition names are there, of the right kind, and may be used.
#ifndef LAUNCHER_DEFINITION_VALIDATE_FILES_H
#define LAUNCHER_DEFINITION_VALIDATE_FILES_H

#include "launcher/definition/definition.h"
#include "launcher/yaml/schema.h"

/**
 * validate_files() - check every file of a definition.
 * @walk: the reading that filled the definition; its report gets all errors.
 * @definition: before resolve_definition(); a field whose value was refused is as if not set.
 */
void validate_files(const struct walk *walk, const struct definition *definition);

#endif
