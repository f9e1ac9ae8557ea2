// SPDX-License-Identifier: GPL-2.0-or-later
// What a table describes, written as text.
#ifndef LAUNCHER_YAML_EMIT_H
#define LAUNCHER_YAML_EMIT_H

#include "launcher/yaml/schema.h"

/**
 * print_yaml() - a struct as YAML that its table reads back.
 * @keys: its table.
 * @base: the struct.
 * @text: the text, allocated; the caller frees it.
 *
 * Return: 0, -EILSEQ when a text in it is none, or -ENOMEM.
 */
int print_yaml(const struct keys *keys, const void *base, char **text);

#endif
