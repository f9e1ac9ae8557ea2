// SPDX-License-Identifier: GPL-2.0-or-later
// The lock file of a definition: what its words stood for, as a file beside it.
#ifndef LAUNCHER_LOCK_LOCKFILE_H
#define LAUNCHER_LOCK_LOCKFILE_H

#include <stdbool.h>

#include "launcher/definition/definition.h"
#include "launcher/yaml/diagnostics.h"
#include "launcher/yaml/document.h"
#include "launcher/yaml/schema.h"
#include "netsetup/base/error.h"

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

/**
 * struct lockfile - one that was read.
 * @source, @document, @walk: where each value stands in it.
 * @report: what is wrong with it.
 * @lock: what it says.
 */
struct lockfile {
	struct source source;
	struct document document;
	struct walk walk;
	struct report report;
	struct lock lock;
};

/* lockfile_path() - "web.lock.yaml" for "web.yaml", allocated; NULL when memory ran out. */
char *lockfile_path(const char *definition);

/**
 * lockfile_read() - read one, strictly.
 * @path: of the lock file.
 * @file: all zero before; empty it with lockfile_done() in any case.
 *
 * Return: 0; -ENOMEM; or another negative errno, then @file->report tells all that is wrong.
 */
int lockfile_read(const char *path, struct lockfile *file);

void lockfile_done(struct lockfile *file);

/**
 * lockfile_write() - write one in place of that which is there, whose mode it keeps: at once, and
 * not at all when it would be the same.
 * @path: of the lock file.
 * @lock: what it is to say.
 * @definition: the definition's file, for a comment.
 * @changed: whether it was written.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int lockfile_write(const char *path, const struct lock *lock, const char *definition, bool *changed,
		   struct error *err);

/**
 * struct lock_item - a text of a lock.
 * @base, @name: where walk_origin() finds it.
 * @text: its value, or NULL.
 * @list: "networks", "disks" or "credentials", and @index in it; NULL for a text that is in no list.
 */
struct lock_item {
	const void *base;
	const char *name;
	const char *text;
	const char *list;
	unsigned int index;
};

/* lock_item() - the item of an index from 0, in the order of the file; false after the last one. */
bool lock_item(const struct lock *lock, unsigned int index, struct lock_item *item);

/* lock_done() - free what a lock owns; it becomes all zero. */
void lock_done(struct lock *lock);

#endif
