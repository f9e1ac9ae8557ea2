// SPDX-License-Identifier: GPL-2.0-or-later
// Prints a definition with every default.
#ifndef LAUNCHER_DEFINITION_PRINT_H
#define LAUNCHER_DEFINITION_PRINT_H

#include <stdbool.h>

#include "launcher/definition/definition.h"
#include "netsetup/base/error.h"

/**
 * print_definition() - write a loaded definition with every default.
 * @json: true for JSON, false for YAML; load_definition() reads both.
 * @text: the caller frees it.
 *
 * Return: 0 or a negative errno.
 */
int print_definition(const struct definition *definition, bool json, char **text,
		     struct error *err);

#endif
