// SPDX-License-Identifier: GPL-2.0-or-later
// Holds what a definition stands for, as texts.
#ifndef LAUNCHER_LOCK_LOCK_H
#define LAUNCHER_LOCK_LOCK_H

#include <stdbool.h>

#include "launcher/definition/definition.h"
#include "launcher/definition/pin.h"
#include "launcher/yaml/schema.h"

/* struct lock_disk - @image: a digest, or the word "direct" for one that each run changes. */
struct lock_disk {
	char *image;
};

/* struct lock_credential - @file: its digest, or the word "value" for one without a file. */
struct lock_credential {
	char *file;
};

/* struct lock_network - @mac: of a card. */
struct lock_network {
	char *mac;
};

/**
 * struct lock - what a definition stands for; each member is NULL where the definition has nothing
 * of the kind. Digests are "sha256-HEX" or "sha512-HEX".
 * @version: of this format.
 * @definition: digest of the definition's file.
 * @qemu: version of QEMU.
 * @machine: machine type, no alias.
 * @uuid: of the VM.
 * @variables: digest of the template of the UEFI variables, in which the keys of secure boot are.
 * @firmware, @kernel, @initrd, @user_data, @ignition: digests of the files.
 * @networks, @network_count: the cards, in the definition's order.
 * @disks, @disk_count, @credentials, @credential_count: in the definition's order.
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

/* The keys of a lock file, in its order. Each is a text or a list of texts, but the version. */
extern const struct keys lock_keys;

/**
 * struct lock_item - a text of a lock.
 * @base, @name: where walk_origin() finds it.
 * @pin: how it holds the value.
 * @text: the text, or NULL.
 * @list: the list that it is in, and @index in it; else NULL and 0.
 */
struct lock_item {
	const void *base;
	const char *name;
	enum pin pin;
	char *text;
	const char *list;
	unsigned int index;
};

/* lock_item() - the item of an index from 0, in the order of the file; false after the last one. */
bool lock_item(const struct lock *lock, unsigned int index, struct lock_item *item);

/* lock_count() - count the entries of a list; 1 for a row that is none. */
unsigned int lock_count(const struct lock *lock, const struct key *row);

/**
 * lock_slot() - find the text that holds a value; a list becomes as long as it must be for that.
 *
 * Return: where the text is, or NULL when no row of the lock has the value's pin and name.
 */
char **lock_slot(struct lock *lock, const struct pinned *pinned);

/* lock_done() - free what a lock owns; it becomes all zero. */
void lock_done(struct lock *lock);

#endif
