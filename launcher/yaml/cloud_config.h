// SPDX-License-Identifier: GPL-2.0-or-later
// Finds what cloud-init ignores in a user-data file.
#ifndef LAUNCHER_YAML_CLOUD_CONFIG_H
#define LAUNCHER_YAML_CLOUD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "launcher/yaml/diagnostics.h"
#include "launcher/yaml/location.h"

/**
 * struct cloud_config_list - a list of the vendor-data, which cloud-init appends to user-data's.
 * @key: its key in both.
 * @from: key of the definition that it comes from.
 * @wanted: true if the vendor-data has the list.
 */
struct cloud_config_list {
	const char *key;
	const char *from;
	bool wanted;
};

/**
 * cloud_config_check() - warn about a user-data that cloud-init ignores, and about each key that
 * has no effect or drops a list of the vendor-data. Only a text in the format cloud-config is read:
 * scripts, archives and templates are accepted.
 * @source: any bytes, with a NUL after them.
 * @diagnostics: gets warnings alone.
 */
void cloud_config_check(const struct source *source, const struct cloud_config_list *lists,
			size_t count, struct diagnostics *diagnostics);

/**
 * cloud_config_has() - true if cloud-init finds a key at the top of a user-data.
 * @text, @size: any bytes, with a NUL after them; @text may be NULL.
 */
bool cloud_config_has(const char *text, size_t size, const char *key);

#endif
