// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the values of a definition that a lock file holds.
#ifndef LAUNCHER_DEFINITION_PIN_H
#define LAUNCHER_DEFINITION_PIN_H

#include "launcher/definition/definition.h"
#include "launcher/yaml/schema.h"

/* Kind of entry that a lock file has for the value of a key. Each row of keys.c must name one. */
enum pin {
	PIN_NONE = 1, /* none: the digest of the definition's file locks the value */
	PIN_KEYS,     /* none: each key in the value has its own pin */
	PIN_UNLOCKED, /* none: the value may differ between machines, users and days */

	/* The lock file has an entry for each of the others, in this order. */
	PIN_QEMU,       /* the version of QEMU */
	PIN_MACHINE,    /* the machine type, not an alias of it */
	PIN_UUID,       /* the UUID */
	PIN_FIRMWARE,   /* the digests of the firmware's files */
	PIN_FILE,       /* the digest of the file */
	PIN_MAC,        /* the MAC address */
	PIN_IMAGE,      /* the digest of the image */
	PIN_CREDENTIAL, /* the digest of the credential's file */
	PIN_END,
};

#define PIN_FIRST PIN_QEMU

/* Room for the single values, and for one of each list entry. */
#define PINS_MAX (32 + NETWORKS_MAX + DISKS_MAX + CREDENTIALS_MAX)

/**
 * struct pinned - a value that a lock file holds.
 * @pin: kind of its entry.
 * @key: row of the value in keys.c.
 * @target: the value, as the type of @key defines it.
 * @index: index of its list entry; 0 outside of a list.
 */
struct pinned {
	enum pin pin;
	const struct key *key;
	const void *target;
	unsigned int index;
};

/* struct pins - the values of a definition that a lock file holds, in the order of enum pin. */
struct pins {
	struct pinned items[PINS_MAX];
	unsigned int count;
};

/* pin_collect() - find all values that a lock file holds; @pins point into the definition. */
void pin_collect(const struct definition *definition, struct pins *pins);

/**
 * pin_match() - true if an entry of a lock file belongs to a value.
 * @pin: kind of the entry.
 * @name: key of the entry; only entries for files differ by it.
 */
bool pin_match(const struct pinned *pinned, enum pin pin, const char *name);

#endif
