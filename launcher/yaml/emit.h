// SPDX-License-Identifier: GPL-2.0-or-later
// Writes a struct as YAML or JSON that its table reads back.
#ifndef LAUNCHER_YAML_EMIT_H
#define LAUNCHER_YAML_EMIT_H

#include "launcher/yaml/schema.h"

/**
 * emit_yaml() - write a struct as YAML.
 * @keys: its table.
 * @base: the struct.
 * @text: the text, allocated; the caller frees it.
 *
 * Return: 0, -EILSEQ when a text in it is none, or -ENOMEM.
 */
int emit_yaml(const struct keys *keys, const void *base, char **text);

/* emit_json() - the same as JSON. */
int emit_json(const struct keys *keys, const void *base, char **text);

#endif
