// SPDX-License-Identifier: GPL-2.0-or-later
// One value of a definition replaced from the command line: --set KEY.PATH=VALUE.
#ifndef LAUNCHER_YAML_OVERRIDE_H
#define LAUNCHER_YAML_OVERRIDE_H

#include "launcher/yaml/diagnostics.h"
#include "launcher/yaml/document.h"
#include "launcher/yaml/location.h"

/**
 * struct override - a --set; all zero before override_parse().
 * @source: the value's text, named after the whole option.
 * @document: the value.
 * @path: the keys, each NUL-terminated, one after the other.
 * @length: how many keys.
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
 * @rank: of its messages.
 * @override: empty it with override_done() in any case, after the report is told.
 * @report: told what is wrong.
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int override_parse(const char *text, unsigned int rank, struct override *override,
		   struct report *report);

/**
 * override_apply() - put the value into a definition's tree; what is missing on the way to it is
 * made. An entry of a list is named by its index from 0; the index after the last appends.
 * @override: parsed; lives as long as the document. One that was refused has no effect.
 * @document: the definition, its root a mapping.
 * @report: told what is wrong.
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int override_apply(const struct override *override, struct document *document,
		   struct report *report);

void override_done(struct override *override);

#endif
