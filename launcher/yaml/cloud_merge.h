// SPDX-License-Identifier: GPL-2.0-or-later
// Finds what cloud-init drops of the definition because of a user-data file.
#ifndef LAUNCHER_YAML_CLOUD_MERGE_H
#define LAUNCHER_YAML_CLOUD_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>

#include "launcher/yaml/diagnostics.h"
#include "launcher/yaml/location.h"

/**
 * struct cloud_merge_list - a list of the vendor-data, which cloud-init appends to user-data's.
 * @key: its key in both.
 * @from: key of the definition that it comes from.
 * @wanted: true if the vendor-data has the list.
 */
struct cloud_merge_list {
	const char *key;
	const char *from;
	bool wanted;
};

/**
 * struct cloud_merge - the definition's additions to user-data.
 * @image_user: true if it has keys or a password for the image's own user.
 */
struct cloud_merge {
	const struct cloud_merge_list *lists;
	size_t list_count;
	bool image_user;
};

/**
 * cloud_merge_check() - warn about each value of the definition that cloud-init drops.
 * @document, @root: the user-data, a mapping whose keys are scalars.
 */
void cloud_merge_check(const struct cloud_merge *merge, yaml_document_t *document,
		       const yaml_node_t *root, const struct source *source,
		       struct diagnostics *diagnostics);

#endif
