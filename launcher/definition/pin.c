// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the values of a definition that a lock file holds.
#include "launcher/definition/pin.h"

#include <assert.h>
#include <string.h>

#include "launcher/definition/keys.h"
#include "launcher/definition/type_network.h"

static void collect_value(struct pins *pins, enum pin pin, const struct key *key,
			  const void *target, unsigned int index);

static void collect_keys(struct pins *pins, enum pin pin, const struct keys *keys, const void *base,
			 unsigned int index)
{
	for (size_t i = 0; i < keys->count; i++)
		collect_value(pins, pin, &keys->keys[i], (const char *)base + keys->keys[i].offset,
			      index);
}

static void collect_list(struct pins *pins, enum pin pin, const struct list *list,
			 const char *first)
{
	const unsigned int *count = (const void *)(first + list->count);

	for (unsigned int i = 0; i < *count; i++)
		collect_keys(pins, pin, list->detail, first + i * list->size, i);
}

static void collect_networks(struct pins *pins, enum pin pin, const struct keys *keys,
			     const struct definition *definition)
{
	const struct network *network;

	for (unsigned int i = 0; (network = definition_network(definition, i)); i++)
		if (network->type != NETWORK_NONE)
			collect_keys(pins, pin, keys, network, i);
}

static void collect_value(struct pins *pins, enum pin pin, const struct key *key,
			  const void *target, unsigned int index)
{
	if (key->pin == pin) {
		assert(pins->count < PINS_MAX);
		pins->items[pins->count++] = (struct pinned){ pin, key, target, index };
	} else if (key->pin != PIN_KEYS) {
		return;
	} else if (key->type == &type_networks) {
		collect_networks(pins, pin, key->detail, target);
	} else if (key->type->shapes & NODE_MAPPING) {
		collect_keys(pins, pin, key->detail, target, index);
	} else {
		collect_list(pins, pin, key->detail, target);
	}
}

void pin_collect(const struct definition *definition, struct pins *pins)
{
	pins->count = 0;
	for (enum pin pin = PIN_FIRST; pin < PIN_END; pin++)
		collect_keys(pins, pin, &definition_keys, definition, 0);
}

bool pin_match(const struct pinned *pinned, enum pin pin, const char *name)
{
	return pinned->pin == pin && (pin != PIN_FILE || !strcmp(pinned->key->name, name));
}
