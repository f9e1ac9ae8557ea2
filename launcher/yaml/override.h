// SPDX-License-Identifier: GPL-2.0-or-later
// Replaces a value of a definition: the option --set KEY.PATH=VALUE.
#ifndef LAUNCHER_YAML_OVERRIDE_H
#define LAUNCHER_YAML_OVERRIDE_H

#include "launcher/yaml/diagnostics.h"
#include "launcher/yaml/document.h"
#include "launcher/yaml/location.h"

/**
 * struct override - a --set; must be all zero before override_parse().
 * @source: text of the value; its name is the whole option.
 * @document: the value.
 * @path: the keys, each NUL-terminated, one after the other.
 * @length: number of keys.
 */
struct override {
	struct source source;
	struct document document;
	char *path;
	unsigned int length;
};

/**
 * override_parse() - split the option and parse its value, which is YAML.
 * @text: "KEY.PATH=VALUE".
 * @rank: rank of its source.
 * @override: empty it with override_done() in any case, after diagnostics_text().
 * @diagnostics: gets the first error.
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int override_parse(const char *text, unsigned int rank, struct override *override,
		   struct diagnostics *diagnostics);

/**
 * override_apply() - put the value into a definition's tree, and make missing mappings and lists on
 * the way. An entry of a list is named by its index from 0; the index after the last one appends.
 * @override: must live as long as the document; has no effect if override_parse() failed.
 * @document: the definition; its root must be a mapping.
 * @diagnostics: gets the first error.
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int override_apply(const struct override *override, struct document *document,
		   struct diagnostics *diagnostics);

void override_done(struct override *override);

#endif
