// SPDX-License-Identifier: GPL-2.0-or-later
// Checks the files that a definition names: existence, kind, permissions, images.
#ifndef LAUNCHER_DEFINITION_VALIDATE_FILES_H
#define LAUNCHER_DEFINITION_VALIDATE_FILES_H

#include "launcher/definition/definition.h"
#include "launcher/yaml/schema.h"

/**
 * validate_files() - check every file of a definition.
 * @loader: the loader that filled the definition; its diagnostics get all errors.
 * @definition: before resolve_definition(); a field with a refused value is unset.
 */
void validate_files(const struct loader *loader, const struct definition *definition);

#endif
