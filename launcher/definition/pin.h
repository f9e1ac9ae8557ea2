// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the values of a definition that a lock file holds.
#ifndef LAUNCHER_DEFINITION_PIN_H
#define LAUNCHER_DEFINITION_PIN_H

#include "launcher/definition/definition.h"
#include "launcher/yaml/schema.h"

/* How a lock file holds the value of a key. Each row of keys.c has one; 0 is none of them. */
enum pin {
	PIN_NONE = 1, /* the value says all: the digest of the definition's file holds it */
	PIN_KEYS,     /* each key in the value has its own */
	PIN_UNLOCKED, /* differs from one machine, user or day to the next, and is not held */

	/* The others are held, in this order. */
	PIN_QEMU,       /* the version of QEMU */
	PIN_MACHINE,    /* the machine type without alias */
	PIN_UUID,       /* the UUID */
	PIN_FIRMWARE,   /* the digests of the firmware's files */
	PIN_FILE,       /* the digest of the file */
	PIN_MAC,        /* the MAC address */
	PIN_IMAGE,      /* the digest of the image */
	PIN_CREDENTIAL, /* the digest of the credential's file */
	PIN_END,
};

#define PIN_FIRST PIN_QEMU

/* Single values are few; the rest is for the lists. */
#define PINS_MAX (32 + NETWORKS_MAX + DISKS_MAX + CREDENTIALS_MAX)

/**
 * struct pinned - a value that a lock file holds.
 * @pin: how.
 * @key: its row.
 * @target: the value, as the row's type has it.
 * @index: of the entry of a list that it is in; else 0.
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

/* pin_collect() - find them; @pins point into the definition. */
void pin_collect(const struct definition *definition, struct pins *pins);

/**
 * pin_match() - true if a text of a lock file is that of a value.
 * @pin: of the text.
 * @name: of the text; only files are told apart by it.
 */
bool pin_match(const struct pinned *pinned, enum pin pin, const char *name);

#endif
