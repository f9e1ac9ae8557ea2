// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the value of 'network': one network or a list of networks.
#include "launcher/definition/type_network.h"

#include <string.h>

#include "launcher/common/text.h"
#include "launcher/definition/definition.h"
#include "launcher/definition/type_words.h"
#include "netsetup/base/cleanup.h"

static const struct word sole_types[] = {
	{ "lan", NETWORK_LAN },
	{ "none", NETWORK_NONE },
	{ "user", NETWORK_USER },
};

static const struct words sole_words = { sole_types, ARRAY_SIZE(sole_types) };

/* An entry of a list cannot be 'none'. */
static const struct word entry_types[] = {
	{ "lan", NETWORK_LAN },
	{ "user", NETWORK_USER },
};

static const struct words entry_words = { entry_types, ARRAY_SIZE(entry_types) };

#define BIT(type) (1u << (type))

/**
 * struct rule - the networks that have a key.
 * @types: their types, as bits.
 * @text: the same for the message at other networks.
 */
struct rule {
	const char *name;
	unsigned int types;
	const char *text;
};

#define EVERY_TYPE (BIT(NETWORK_LAN) | BIT(NETWORK_USER) | BIT(NETWORK_PRIVATE))

static const struct rule rules[] = {
	{ "type", EVERY_TYPE, NULL },
	{ "name", BIT(NETWORK_PRIVATE), "private" },
	{ "address", BIT(NETWORK_LAN) | BIT(NETWORK_PRIVATE), "lan or private" },
	{ "model", EVERY_TYPE, NULL },
	{ "mac", EVERY_TYPE, NULL },
	{ "ports", BIT(NETWORK_USER), "user" },
};

static const struct rule usual_rule = { NULL, BIT(NETWORK_LAN), "lan" };

static const struct rule *rule_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (!strcmp(rules[i].name, name))
			return &rules[i];
	return &usual_rule;
}

static struct json_object *write_kind(const struct key *key, const void *target)
{
	if (*(const enum network_type *)target == NETWORK_LAN)
		return SCHEMA_WRITE_NOTHING;
	return type_words.write(key, target);
}

const struct type type_network_kind = { NODE_SCALAR, NULL, type_words_expect, type_words_read,
					write_kind };

static void check_keys(struct loader *loader, const struct keys *keys, const struct node *node,
		       enum network_type type)
{
	for (unsigned int i = 0; i + 1 < node->count; i += 2) {
		const struct node *name = node->items[i];
		const struct rule *rule = rule_of(name->text);
		const char *reason =
			type == NETWORK_LAN && !strcmp(name->text, "ports")
				? ": on the LAN, the guest has all ports of its own address"
				: "";

		for (size_t k = 0; !(rule->types & BIT(type)) && k < keys->count; k++)
			if (!strcmp(keys->keys[k].name, name->text))
				diagnostics_add(loader->diagnostics, &name->location,
						"'%s' is for a network of type %s%s", name->text,
						rule->text, reason);
	}
}

static void refuse_nameless(const struct loader *loader, const struct node *node)
{
	diagnostics_add(loader->diagnostics, &node->location,
			"a private network needs a name: {type: private, name: NAME}");
}

static void read_network(struct loader *loader, const struct key *key, const struct node *node,
			 const struct words *words, struct network *network)
{
	const struct keys *keys = key->constraint;
	const struct word *word;

	if (node->kind == NODE_MAPPING) {
		schema_read_mapping(loader, node, keys, network);
		check_keys(loader, keys, node, network->type);
		if (network->type == NETWORK_PRIVATE && !schema_origin(loader, network, "name"))
			refuse_nameless(loader, node);
		return;
	}
	schema_read_mapping(loader, NULL, keys, network);
	word = type_words_find(words, node->text);
	if (word)
		network->type = (enum network_type)word->value;
	else if (!strcmp(node->text, "private"))
		refuse_nameless(loader, node);
	else
		schema_refuse_meant(loader, key, node,
				    text_nearest(node->text, words->words, words->count,
						 sizeof(*words->words)));
}

static struct json_object *write_network(const struct key *key, const struct network *network)
{
	struct json_object *object;

	/* Write only the word if all other keys have their defaults. */
	if (network->type == NETWORK_NONE ||
	    (network->type == NETWORK_USER && network->mac_auto && !network->port_count &&
	     !strcmp(network->model, "virtio")))
		return json_object_new_string(type_words_name(&sole_words, network->type));
	object = schema_write(key->constraint, network);
	if (!object)
		return NULL;
	json_object_object_foreach(object, name, value)
	{
		(void)value;
		if (!(rule_of(name)->types & BIT(network->type)))
			json_object_object_del(object, name);
	}
	return object;
}

static void read_entry(struct loader *loader, const struct key *key, const struct node *node,
		       void *target)
{
	read_network(loader, key, node, &entry_words, target);
}

static const struct type type_entry = { NODE_SCALAR | NODE_MAPPING,
					"lan, user or a mapping of keys", NULL, read_entry, NULL };

/* True if an entry is of another type than lan. */
static bool is_other(const struct node *node)
{
	if (node->kind == NODE_SCALAR)
		return !node->null &&
		       (!strcmp(node->text, "user") || !strcmp(node->text, "private"));
	if (node->kind != NODE_MAPPING)
		return false;
	for (unsigned int i = 0; i + 1 < node->count; i += 2)
		if (!strcmp(node->items[i]->text, "type"))
			return node->items[i + 1]->kind == NODE_SCALAR &&
			       is_other(node->items[i + 1]);
	return false;
}

/* Finds the entry for definition.network: the first on the LAN, else the first of all. */
static unsigned int main_entry(const struct node *node)
{
	for (unsigned int i = 0; i < node->count && i < NETWORKS_MAX; i++)
		if (!is_other(node->items[i]))
			return i;
	return 0;
}

static void read_entries(struct loader *loader, const struct key *key, const struct node *node,
			 struct definition *definition)
{
	const struct key entry = { .type = &type_entry, .constraint = key->constraint };
	const unsigned int main = main_entry(node);

	for (unsigned int i = 0; i < node->count; i++) {
		struct network *network = &definition->network;

		if (i == NETWORKS_MAX) {
			diagnostics_add(loader->diagnostics, &node->items[i]->location,
					"'%s' has more than %u entries", key->name, NETWORKS_MAX);
			return;
		}
		if (i == main) {
			definition->network_index = i;
		} else {
			network = &definition->others[definition->other_count++];
		}
		schema_read_entry(loader, key, &entry, node->items[i], i, network);
	}
}

static void read_networks(struct loader *loader, const struct key *key, const struct node *node,
			  void *target)
{
	struct definition *definition = target;

	if (node->kind != NODE_LIST)
		read_network(loader, key, node, &sole_words, &definition->network);
	else if (node->count == 0)
		diagnostics_add(loader->diagnostics, &node->location, "'%s' must not be empty",
				key->name);
	else
		read_entries(loader, key, node, definition);
}

static struct json_object *write_networks(const struct key *key, const void *target)
{
	const struct definition *definition = target;
	const struct network *network;
	struct json_object *array;

	if (definition->other_count == 0)
		return write_network(key, &definition->network);
	array = json_object_new_array();
	for (unsigned int i = 0; array && (network = definition_network(definition, i)); i++)
		schema_write_entry(&array, write_network(key, network));
	return array;
}

const struct type type_network = {
	NODE_SCALAR | NODE_MAPPING | NODE_LIST,
	"lan, none, user, a mapping of keys or a list of such networks",
	NULL,
	read_networks,
	write_networks,
};
