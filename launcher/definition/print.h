// SPDX-License-Identifier: GPL-2.0-or-later
// Prints a definition with every default.
#ifndef LAUNCHER_DEFINITION_PRINT_H
#define LAUNCHER_DEFINITION_PRINT_H

#include <stdbool.h>

#include "launcher/definition/definition.h"
#include "netsetup/base/error.h"

/**
 * definition_print() - write the resolved definition with every default.
 * @definition: a loaded definition.
 * @json: JSON, else YAML; both can be read back as a definition.
 * @text: the text, allocated; the caller frees it.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int definition_print(const struct definition *definition, bool json, char **text,
		     struct error *err);

#endif
