// SPDX-License-Identifier: GPL-2.0-or-later
// Finds what cloud-init drops of the definition because of a user-data file.
#include "launcher/yaml/cloud_merge.h"

#include <string.h>
#include <strings.h>

#include "launcher/yaml/libyaml.h"
#include "netsetup/base/cleanup.h"

/* True if a scalar is one of the words, which end in NULL; upper and lower case are the same. */
static bool is_word(const yaml_node_t *node, const char *const words[])
{
	if (node->type != YAML_SCALAR_NODE)
		return false;
	while (*words && strcasecmp((const char *)node->data.scalar.value, *words) != 0)
		words++;
	return *words;
}

/* Returns the value that disables all vendor-data, or NULL (_consume_vendordata() of stages.py). */
static const yaml_node_t *find_disabling(yaml_document_t *document, const yaml_node_t *root)
{
	/* is_true() of util.py takes text and numbers, too. */
	static const char *const true_words[] = { "true", "1", "on", "yes", NULL };
	/* cloud-init's own mapping replaces a text or a list when it merges both. */
	static const char *const no_texts[] = { "",    "~",  "null",  "true", "1", "on",
						"yes", "no", "false", "off",  "0", NULL };
	const yaml_node_t *value = libyaml_value(document, root, "vendor_data");

	if (!value || value->type != YAML_MAPPING_NODE)
		return value && is_word(value, no_texts) ? value : NULL;
	value = libyaml_value(document, value, "enabled");
	return value && !is_word(value, true_words) ? value : NULL;
}

/* Returns true, with a warning, if a user-data disables all vendor-data. */
static bool check_vendor_data(yaml_document_t *document, const yaml_node_t *root,
			      const struct source *source, struct diagnostics *diagnostics)
{
	const yaml_node_t *value = find_disabling(document, root);
	struct location location;

	if (!value)
		return false;
	location = libyaml_node_location(source, value);
	diagnostics_warn(diagnostics, &location,
			 "'vendor_data' is not enabled: cloud-init drops the user, the packages, "
			 "the commands and the vendor-data of the definition");
	return true;
}

/* True if an entry of 'users' is the image's own user (_normalize_users() of ug_util.py). */
static bool is_image_user(yaml_document_t *document, const yaml_node_t *entry)
{
	if (entry->type == YAML_MAPPING_NODE)
		entry = libyaml_value(document, entry, "name");
	return !entry || entry->type != YAML_SCALAR_NODE ||
	       strstr((const char *)entry->data.scalar.value, "default");
}

static bool has_image_user(yaml_document_t *document, const yaml_node_t *users)
{
	bool found = false;

	if (users->type == YAML_SCALAR_NODE)
		return is_image_user(document, users);
	if (users->type == YAML_MAPPING_NODE)
		return libyaml_find(document, users, "default");
	for (const yaml_node_item_t *item = users->data.sequence.items.start;
	     item < users->data.sequence.items.top; item++)
		found = found || is_image_user(document, yaml_document_get_node(document, *item));
	return found;
}

/* Warns about users without the image's own one. The older key 'user' stands for that one. */
static void check_image_user(yaml_document_t *document, const yaml_node_t *root,
			     const struct source *source, struct diagnostics *diagnostics)
{
	const yaml_node_pair_t *pair = libyaml_find(document, root, "users");
	struct location location;

	if (!pair || libyaml_find(document, root, "user") ||
	    has_image_user(document, yaml_document_get_node(document, pair->value)))
		return;
	location = libyaml_node_location(source, yaml_document_get_node(document, pair->key));
	diagnostics_warn(diagnostics, &location,
			 "'users' has no 'default': no user gets 'ssh-keys' or 'password' of the "
			 "definition");
}

static void check_list(yaml_document_t *document, const yaml_node_t *root,
		       const struct source *source, const struct cloud_merge_list *list,
		       struct diagnostics *diagnostics)
{
	const yaml_node_t *value = libyaml_value(document, root, list->key);
	struct location location;

	if (!value || !list->wanted || value->type == YAML_SEQUENCE_NODE)
		return;
	location = libyaml_node_location(source, value);
	diagnostics_warn(diagnostics, &location,
			 "'%s' is not a list: cloud-init drops '%s' of the definition", list->key,
			 list->from);
}

void cloud_merge_check(const struct cloud_merge *merge, yaml_document_t *document,
		       const yaml_node_t *root, const struct source *source,
		       struct diagnostics *diagnostics)
{
	if (check_vendor_data(document, root, source, diagnostics))
		return;
	for (size_t i = 0; i < merge->list_count; i++)
		check_list(document, root, source, &merge->lists[i], diagnostics);
	if (merge->image_user)
		check_image_user(document, root, source, diagnostics);
}
