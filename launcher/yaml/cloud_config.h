// SPDX-License-Identifier: GPL-2.0-or-later
// Finds what cloud-init ignores in a user-data file.
#ifndef LAUNCHER_YAML_CLOUD_CONFIG_H
#define LAUNCHER_YAML_CLOUD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "launcher/yaml/cloud_merge.h"
#include "launcher/yaml/diagnostics.h"
#include "launcher/yaml/location.h"

/**
 * cloud_config_check() - warn about a user-data that cloud-init ignores, and about each key that
 * has no effect or drops values of the vendor-data. Only a text in the format cloud-config is read:
 * scripts, archives and templates are accepted.
 * A text that takes libyaml too long is not read.
 * @source: any bytes, with a NUL after them.
 * @diagnostics: gets warnings alone.
 */
void cloud_config_check(const struct source *source, const struct cloud_merge *merge,
			struct diagnostics *diagnostics);

/**
 * cloud_config_has() - true if cloud-init finds a key at the top of a user-data.
 * @text, @size: any bytes, with a NUL after them; @text may be NULL.
 */
bool cloud_config_has(const char *text, size_t size, const char *key);

#endif
