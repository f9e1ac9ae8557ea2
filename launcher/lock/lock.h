// SPDX-License-Identifier: GPL-2.0-or-later
// Holds the locked values of a definition as texts.
#ifndef LAUNCHER_LOCK_LOCK_H
#define LAUNCHER_LOCK_LOCK_H

#include <stdbool.h>

#include "launcher/definition/definition.h"
#include "launcher/definition/pin.h"
#include "launcher/yaml/schema.h"

/* struct lock_disk - @image: a digest; "direct" if each run may change it; "empty" if none. */
struct lock_disk {
	char *image;
};

/* struct lock_credential - @file: a digest, or "value" for a credential without a file. */
struct lock_credential {
	char *file;
};

/* struct lock_network - @mac: MAC address of a card. */
struct lock_network {
	char *mac;
};

/**
 * struct lock - the locked values of a definition. A text is NULL if the definition has no such
 * value. Digests are "sha256-HEX" or "sha512-HEX".
 * @version: version of this format.
 * @definition: digest of the definition's file.
 * @qemu: version of QEMU.
 * @machine: machine type, not an alias.
 * @uuid: the VM's uuid.
 * @variables: digest of the template for UEFI variables, which has the keys of secure boot.
 * @firmware, @kernel, @initrd, @user_data, @network_config, @vendor_data,
 * @ignition: digests of the files.
 * @networks, @network_count: the cards, in the order of the definition.
 * @disks, @disk_count, @credentials, @credential_count: in the order of the definition.
 */
struct lock {
	unsigned int version;
	char *definition;
	char *qemu;
	char *machine;
	char *uuid;
	char *firmware;
	char *variables;
	char *kernel;
	char *initrd;
	char *user_data;
	char *network_config;
	char *vendor_data;
	char *ignition;
	struct lock_network networks[NETWORKS_MAX];
	unsigned int network_count;
	struct lock_disk disks[DISKS_MAX];
	unsigned int disk_count;
	struct lock_credential credentials[CREDENTIALS_MAX];
	unsigned int credential_count;
};

#define LOCK_VERSION 1
#define LOCK_DIRECT  "direct"
#define LOCK_EMPTY   "empty"
#define LOCK_VALUE   "value"

/* The keys of a lock file in its order: the version, then texts and lists of texts. */
extern const struct keys lock_keys;

/**
 * struct lock_item - a text of a lock.
 * @base, @name: arguments for schema_origin().
 * @pin: kind of the entry.
 * @text: may be NULL.
 * @list, @index: name of the list with the text, and the index in it; else NULL and 0.
 */
struct lock_item {
	const void *base;
	const char *name;
	enum pin pin;
	char *text;
	const char *list;
	unsigned int index;
};

/* lock_item() - get a text by its index in the order of the file; false after the last one. */
bool lock_item(const struct lock *lock, unsigned int index, struct lock_item *item);

/* lock_count() - count the entries of a list; 1 for any other row. */
unsigned int lock_count(const struct lock *lock, const struct key *row);

/**
 * lock_slot() - find the text for a value. A list grows to contain the value's index.
 *
 * Return: the text's member, or NULL if no row of the lock has the value's pin and name.
 */
char **lock_slot(struct lock *lock, const struct pinned *pinned);

/* lock_done() - free all that a lock owns, and set it to zero. */
void lock_done(struct lock *lock);

#endif
