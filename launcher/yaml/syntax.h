// SPDX-License-Identifier: GPL-2.0-or-later
// Explains syntax errors of libyaml to the author of a definition.
#ifndef LAUNCHER_YAML_SYNTAX_H
#define LAUNCHER_YAML_SYNTAX_H

#include <yaml.h>

#include "launcher/yaml/source.h"

/**
 * syntax_text() - explain why a parser has stopped.
 * @source: the text that @parser reads.
 *
 * Return: a message in place of a cryptic one of libyaml, or NULL to use libyaml's.
 */
const char *syntax_text(const yaml_parser_t *parser, const struct source *source);

#endif
