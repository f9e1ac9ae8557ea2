// SPDX-License-Identifier: GPL-2.0-or-later
// Writes a struct as YAML or JSON that its table reads back.
#ifndef LAUNCHER_YAML_EMIT_H
#define LAUNCHER_YAML_EMIT_H

#include "launcher/yaml/schema.h"

/**
 * emit_tree() - write a struct as text that its table reads back.
 * @json: true for JSON, false for YAML.
 * @text: the caller frees it.
 *
 * Return: 0, -EILSEQ if a value is not clean UTF-8 text, or -ENOMEM.
 */
int emit_tree(const struct keys *keys, const void *base, bool json, char **text);

#endif
