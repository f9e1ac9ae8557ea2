// SPDX-License-Identifier: GPL-2.0-or-later
// Compares a definition with its lock file.
#include "launcher/lock/lock_verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/common/argv.h"
#include "launcher/definition/resolve.h"
#include "launcher/lock/lock_make.h"
#include "launcher/lock/lockfile.h"
#include "launcher/yaml/scalar.h"
#include "netsetup/base/cleanup.h"

/*
 * Theory of operation: lock_make() makes a lock from the current state, and each of its texts is
 * compared with that of the lock file. A uuid or MAC that is 'auto' depends on this machine and may
 * differ: the definition gets the value of the lock file.
 */

/* Finds the value of an item; NULL for the digest of the definition's file itself. */
static const struct pinned *find_pinned(const struct pins *pins, const struct lock_item *item)
{
	for (unsigned int i = 0; i < pins->count; i++)
		if (pin_match(&pins->items[i], item->pin, item->name) &&
		    pins->items[i].index == item->index)
			return &pins->items[i];
	return NULL;
}

/* Returns the definition's text for a value, such as a path; NULL if it has none. */
static const char *pinned_text(const struct pinned *pinned)
{
	const struct firmware_key *firmware = pinned->target;
	const struct disk *disk = pinned->target;

	switch (pinned->pin) {
	case PIN_QEMU:
	case PIN_MACHINE:
	case PIN_FILE:
	case PIN_CREDENTIAL:
		return *(const char *const *)pinned->target;
	case PIN_FIRMWARE:
		return firmware->uefi ? "uefi" : firmware->file;
	case PIN_IMAGE:
		return disk->url_count ? disk->urls[0] : disk->image;
	case PIN_UUID:
	case PIN_MAC:
	case PIN_NONE:
	case PIN_KEYS:
	case PIN_UNLOCKED:
	case PIN_END:
		break;
	}
	return NULL;
}

/* Returns the name of a value in messages. */
static const char *subject(const struct definition *definition, const struct pinned *pinned)
{
	const char *text = pinned ? pinned_text(pinned) : NULL;

	return text ? text : definition->path;
}

static bool is_automatic(const struct definition *definition, const struct pinned *pinned)
{
	const struct network *network;

	if (!pinned || pinned->pin != PIN_MAC)
		return pinned && pinned->pin == PIN_UUID && definition->uuid_auto;
	network = pinned->target;
	return network->mac_auto;
}

static void compare(struct lockfile *file, const struct definition *definition,
		    const struct pinned *pinned, const struct lock_item *then,
		    const struct lock_item *now)
{
	const struct origin *origin = schema_origin(&file->loader, then->base, then->name);
	const struct location whole = { .source = &file->source };
	char name[32];

	if (is_automatic(definition, pinned) ||
	    (then->text && now->text && !strcmp(then->text, now->text)) ||
	    (!then->text && !now->text))
		return;
	if (now->list)
		snprintf(name, sizeof(name), "%s.%u.%s", now->list, now->index, now->name);
	else
		snprintf(name, sizeof(name), "%s", now->name);
	if (then->text && now->text)
		diagnostics_add(&file->diagnostics, &origin->value->location,
				"'%s' is locked as %s, but '%s' is %s", name, then->text,
				subject(definition, pinned), now->text);
	else if (now->text)
		diagnostics_add(&file->diagnostics, &whole, "'%s' is not locked, but '%s' is %s",
				name, subject(definition, pinned), now->text);
	else
		diagnostics_add(&file->diagnostics, &origin->key->location,
				"'%s' is locked as %s, but the definition has none", name,
				then->text);
}

static void compare_counts(struct lockfile *file, const struct lock *lock)
{
	for (size_t i = 0; i < lock_keys.count; i++) {
		const struct key *row = &lock_keys.keys[i];
		const unsigned int then = lock_count(&file->lock, row);
		const unsigned int now = lock_count(lock, row);

		if (then != now)
			diagnostics_add(&file->diagnostics,
					&(struct location){ .source = &file->source },
					"'%s' is locked with %u, but the definition has %u",
					row->name, then, now);
	}
}

/* Finds the item with the name and index of @wanted. */
static bool find_item(const struct lock *lock, const struct lock_item *wanted,
		      struct lock_item *item)
{
	for (unsigned int i = 0; lock_item(lock, i, item); i++)
		if (!strcmp(item->name, wanted->name) && item->index == wanted->index)
			return true;
	return false;
}

static void compare_locks(struct lockfile *file, const struct definition *definition,
			  const struct lock *lock)
{
	struct lock_item then, now;
	struct pins pins;

	pin_collect(definition, &pins);
	compare_counts(file, lock);
	for (unsigned int i = 0; lock_item(lock, i, &now); i++)
		if (find_item(&file->lock, &now, &then))
			compare(file, definition, find_pinned(&pins, &now), &then, &now);
}

/* The cast drops a const that @definition does not have: the result is a part of it. */
static struct network *definition_card(struct definition *definition, unsigned int index)
{
	return (struct network *)definition_network(definition, index);
}

/* Sets the machine type, uuid and MACs of the lock file. */
static int apply(struct definition *definition, const struct lock *lock, struct error *err)
{
	char *machine = strdup(lock->machine);

	if (!machine)
		return error_set_errno(err, ENOMEM, "cannot use machine type '%s'", lock->machine);
	free(definition->machine.type);
	definition->machine.type = machine;
	/* lockfile_read() checked them. Without 'auto' they are equal to the definition's. */
	uuid_parse(lock->uuid, definition->uuid);
	resolve_vsock(definition);
	for (unsigned int i = 0; i < lock->network_count; i++)
		scalar_mac(lock->networks[i].mac, &definition_card(definition, i)->mac);
	return 0;
}

static int refuse(struct lockfile *file, const struct definition *definition, const char *path,
		  int code, char **diagnostics, struct error *err)
{
	const size_t count = file->diagnostics.count;

	*diagnostics = diagnostics_text(&file->diagnostics);
	if (!*diagnostics)
		return error_set_errno(err, ENOMEM, "cannot read '%s'", path);
	if (code == ESTALE)
		error_setf(err, STATUS_DEFINITION, code,
			   "'%s' is not as it was locked: %zu difference%s from '%s'",
			   definition->path, count, count == 1 ? "" : "s", path);
	else
		error_setf(err, STATUS_DEFINITION, code, "'%s' is not locked", definition->path);
	error_remedy(err, "to lock it as it is now: vmrun lock %s", ARGV_WORD(definition->path));
	return -code;
}

/* @file: must be all zero. */
static int verify(struct lockfile *file, struct definition *definition, bool quiet,
		  const char *path, char **diagnostics, struct error *err)
{
	struct lock lock = { 0 };
	int ret = lockfile_read(path, file);

	if (ret == -ENOMEM)
		return error_set_errno(err, ENOMEM, "cannot read '%s'", path);
	if (ret)
		return refuse(file, definition, path, -ret, diagnostics, err);
	ret = lock_make(definition, quiet, &lock, err);
	if (!ret) {
		compare_locks(file, definition, &lock);
		if (file->diagnostics.count || file->diagnostics.failed)
			ret = refuse(file, definition, path, ESTALE, diagnostics, err);
	}
	if (!ret)
		ret = apply(definition, &file->lock, err);
	lock_done(&lock);
	return ret;
}

int lock_verify(struct definition *definition, bool quiet, char **diagnostics, struct error *err)
{
	cleanup_free char *path = lockfile_path(definition->path);
	cleanup_free struct lockfile *file = calloc(1, sizeof(*file));
	int ret;

	*diagnostics = NULL;
	if (!path || !file)
		return error_set_errno(err, ENOMEM, "cannot read the lock file of '%s'",
				       definition->path);
	ret = verify(file, definition, quiet, path, diagnostics, err);
	lockfile_done(file);
	return ret;
}
