// SPDX-License-Identifier: GPL-2.0-or-later
// A definition held to what it stood for when it was locked.
#include "launcher/lock/lock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/common/log.h"
#include "launcher/common/privilege.h"
#include "launcher/definition/resolve.h"
#include "launcher/devices/uefi.h"
#include "launcher/disks/digest_cache.h"
#include "launcher/lock/load.h"
#include "launcher/lock/lockfile.h"
#include "launcher/qemu/qemu_probe.h"
#include "launcher/yaml/scalar.h"
#include "netsetup/base/cleanup.h"

/*
 * Theory of operation: both to lock and to insist, the lock that the definition has now is made.
 * The former writes it; the latter compares it, text by text, with the one that was written. What
 * 'auto' stands for depends on this machine, so it is no difference: it is taken from the file.
 */

static int copy_text(char **text, const char *value, struct error *err)
{
	*text = strdup(value);
	return *text ? 0 : error_set(err, ENOMEM, "cannot keep '%s'", value);
}

static int lock_file(const char *path, bool quiet, char **text, struct error *err)
{
	char name[IMAGE_NAME_SIZE];
	int ret;

	if (!path)
		return 0;
	ret = measure_file(path, quiet, name, err);
	return ret ? ret : copy_text(text, name, err);
}

/* The digest of an image from a URL is known; that of a disk which is written through is none. */
static int lock_disk(const struct disk *disk, bool quiet, char **text, struct error *err)
{
	char name[IMAGE_NAME_SIZE];

	if (disk->mode == DISK_DIRECT)
		return copy_text(text, LOCK_DIRECT, err);
	if (!disk->url_count && !disk->image)
		return copy_text(text, LOCK_EMPTY, err);
	if (!disk->url_count)
		return lock_file(disk->image, quiet, text, err);
	snprintf(name, sizeof(name), "%s%s", disk->sha512[0] ? "sha512-" : "sha256-",
		 disk->sha512[0] ? disk->sha512 : disk->sha256);
	return copy_text(text, name, err);
}

/* The host's UEFI firmware is two files that the definition does not name. */
static int lock_firmware(const struct definition *definition, bool quiet, struct lock *lock,
			 struct error *err)
{
	struct uefi uefi = { 0 };
	int ret;

	if (!definition->machine.firmware.uefi)
		return lock_file(definition->machine.firmware.file, quiet, &lock->firmware, err);
	ret = uefi_find(definition, &uefi, err);
	if (!ret)
		ret = lock_file(uefi.code, quiet, &lock->firmware, err);
	if (!ret)
		ret = lock_file(uefi.variables, quiet, &lock->variables, err);
	uefi_done(&uefi);
	return ret;
}

/* A value is a part of the definition, and with it locked. */
static int lock_credential(const struct credential *credential, bool quiet, char **text,
			   struct error *err)
{
	if (credential->value)
		return copy_text(text, LOCK_VALUE, err);
	return lock_file(credential->file, quiet, text, err);
}

static int lock_files(const struct definition *definition, bool quiet, struct lock *lock,
		      struct error *err)
{
	int ret = lock_firmware(definition, quiet, lock, err);

	if (!ret)
		ret = lock_file(definition->boot.kernel, quiet, &lock->kernel, err);
	if (!ret)
		ret = lock_file(definition->boot.initrd, quiet, &lock->initrd, err);
	if (!ret)
		ret = lock_file(definition->cloud_init.user_data, quiet, &lock->user_data, err);
	if (!ret)
		ret = lock_file(definition->ignition, quiet, &lock->ignition, err);
	for (unsigned int i = 0; i < definition->disk_count && !ret; i++) {
		lock->disk_count = i + 1;
		ret = lock_disk(&definition->disks[i], quiet, &lock->disks[i].image, err);
	}
	for (unsigned int i = 0; i < definition->credential_count && !ret; i++) {
		lock->credential_count = i + 1;
		ret = lock_credential(&definition->credentials[i], quiet,
				      &lock->credentials[i].file, err);
	}
	return ret;
}

static int lock_machine(const struct definition *definition, struct lock *lock, struct error *err)
{
	struct qemu_identity identity;
	char uuid[UUID_STR_LEN];
	int ret;

	ret = qemu_identify(definition->qemu.binary, definition->machine.type, &identity, err);
	if (!ret)
		ret = copy_text(&lock->qemu, identity.version, err);
	if (!ret)
		ret = copy_text(&lock->machine, identity.machine, err);
	uuid_unparse_lower(definition->uuid, uuid);
	if (!ret)
		ret = copy_text(&lock->uuid, uuid, err);
	return ret;
}

static int lock_networks(const struct definition *definition, struct lock *lock, struct error *err)
{
	const struct network *network;
	char mac[MAC_TEXT_SIZE];
	int ret = 0;

	for (unsigned int i = 0; !ret && (network = definition_network(definition, i)); i++) {
		if (network->type == NETWORK_NONE)
			continue;
		lock->network_count = i + 1;
		ret = copy_text(&lock->networks[i].mac, scalar_mac_text(&network->mac, mac), err);
	}
	return ret;
}

static int lock_make(const struct definition *definition, bool quiet, struct lock *lock,
		     struct error *err)
{
	int ret;

	lock->version = LOCK_VERSION;
	ret = lock_file(definition->path, quiet, &lock->definition, err);
	if (!ret)
		ret = lock_machine(definition, lock, err);
	if (!ret)
		ret = lock_networks(definition, lock, err);
	return ret ? ret : lock_files(definition, quiet, lock, err);
}

/* What an item is about, in view of the definition. */
static const char *item_subject(const struct definition *definition, const struct lock_item *item)
{
	const struct {
		const char *name, *subject;
	} subjects[] = {
		{ "definition", definition->path },
		{ "qemu", definition->qemu.binary },
		{ "machine", definition->machine.type },
		{ "firmware",
		  definition->machine.firmware.uefi ? "uefi" : definition->machine.firmware.file },
		{ "variables", "uefi" },
		{ "kernel", definition->boot.kernel },
		{ "initrd", definition->boot.initrd },
		{ "user-data", definition->cloud_init.user_data },
		{ "ignition", definition->ignition },
	};

	if (item->list && !strcmp(item->list, "disks")) {
		const struct disk *disk = &definition->disks[item->index];

		if (disk->url_count || disk->image)
			return disk->url_count ? disk->urls[0] : disk->image;
		return definition->path;
	}
	if (item->list && !strcmp(item->list, "credentials")) {
		const char *file = definition->credentials[item->index].file;

		return file ? file : definition->path;
	}
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
		if (!strcmp(subjects[i].name, item->name) && subjects[i].subject)
			return subjects[i].subject;
	return definition->path;
}

static bool item_is_automatic(const struct definition *definition, const struct lock_item *item)
{
	if (!strcmp(item->name, "mac"))
		return definition_network(definition, item->index)->mac_auto;
	return !strcmp(item->name, "uuid") && definition->uuid_auto;
}

static void compare(struct lockfile *file, const struct definition *definition,
		    const struct lock_item *then, const struct lock_item *now)
{
	const struct origin *origin = walk_origin(&file->walk, then->base, then->name);
	const struct place whole = { .source = &file->source };
	char name[32];

	if (item_is_automatic(definition, now) ||
	    (then->text && now->text && !strcmp(then->text, now->text)) ||
	    (!then->text && !now->text))
		return;
	if (now->list)
		snprintf(name, sizeof(name), "%s.%u.%s", now->list, now->index, now->name);
	else
		snprintf(name, sizeof(name), "%s", now->name);
	if (then->text && now->text)
		report_add(&file->report, &origin->value->place,
			   "'%s' is locked as %s, but '%s' is %s", name, then->text,
			   item_subject(definition, now), now->text);
	else if (now->text)
		report_add(&file->report, &whole, "'%s' is not locked, but '%s' is %s", name,
			   item_subject(definition, now), now->text);
	else
		report_add(&file->report, &origin->key->place,
			   "'%s' is locked as %s, but the definition has none", name, then->text);
}

static void compare_counts(struct lockfile *file, const char *list, unsigned int then,
			   unsigned int now)
{
	if (then != now)
		report_add(&file->report, &(struct place){ .source = &file->source },
			   "'%s' is locked with %u, but the definition has %u", list, then, now);
}

/* The item of @lock that stands where @wanted does. */
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

	compare_counts(file, "networks", file->lock.network_count, lock->network_count);
	compare_counts(file, "disks", file->lock.disk_count, lock->disk_count);
	compare_counts(file, "credentials", file->lock.credential_count, lock->credential_count);
	for (unsigned int i = 0; lock_item(lock, i, &now); i++)
		if (find_item(&file->lock, &now, &then))
			compare(file, definition, &then, &now);
}

/* What is asked for is a part of the definition, which is ours to change. */
static struct network *definition_card(struct definition *definition, unsigned int index)
{
	return (struct network *)definition_network(definition, index);
}

/* The definition becomes the machine that the lock says. */
static int apply(struct definition *definition, const struct lock *lock, struct error *err)
{
	char *machine = strdup(lock->machine);

	if (!machine)
		return error_set(err, ENOMEM, "cannot use machine type '%s'", lock->machine);
	free(definition->machine.type);
	definition->machine.type = machine;
	/* Both were checked when they were read, and are those of the definition if that has some. */
	uuid_parse(lock->uuid, definition->uuid);
	resolve_vsock(definition);
	for (unsigned int i = 0; i < lock->network_count; i++)
		scalar_mac(lock->networks[i].mac, &definition_card(definition, i)->mac);
	return 0;
}

static int refuse(struct lockfile *file, const struct definition *definition, const char *path,
		  int code, char **report, struct error *err)
{
	const size_t count = file->report.count;

	*report = report_text(&file->report);
	if (!*report)
		return error_set(err, ENOMEM, "cannot read '%s'", path);
	if (code == ESTALE)
		error_say(err, STATUS_DEFINITION, code,
			  "'%s' is not as it was locked: %zu difference%s from '%s'",
			  definition->path, count, count == 1 ? "" : "s", path);
	else
		error_say(err, STATUS_DEFINITION, code, "'%s' is not locked", definition->path);
	error_remedy(err, "to lock it as it is now: vmrun lock %s", definition->path);
	return -code;
}

/* @file: all zero. */
static int insist(struct lockfile *file, struct definition *definition, bool quiet,
		  const char *path, char **report, struct error *err)
{
	struct lock lock = { 0 };
	int ret = lockfile_read(path, file);

	if (ret == -ENOMEM)
		return error_set(err, ENOMEM, "cannot read '%s'", path);
	if (ret)
		return refuse(file, definition, path, -ret, report, err);
	ret = lock_make(definition, quiet, &lock, err);
	if (!ret) {
		compare_locks(file, definition, &lock);
		if (file->report.count || file->report.failed)
			ret = refuse(file, definition, path, ESTALE, report, err);
	}
	if (!ret)
		ret = apply(definition, &file->lock, err);
	lock_done(&lock);
	return ret;
}

int lock_insist(struct definition *definition, bool quiet, char **report, struct error *err)
{
	cleanup_free char *path = lockfile_path(definition->path);
	cleanup_free struct lockfile *file = calloc(1, sizeof(*file));
	int ret;

	*report = NULL;
	if (!path || !file)
		return error_set(err, ENOMEM, "cannot read the lock file of '%s'",
				 definition->path);
	ret = insist(file, definition, quiet, path, report, err);
	lockfile_done(file);
	return ret;
}

static int lock_definition(const struct definition *definition, bool quiet, struct error *err)
{
	cleanup_free char *path = lockfile_path(definition->path);
	struct lock lock = { 0 };
	bool changed = false;
	int ret;

	if (!path)
		return error_set(err, ENOMEM, "cannot lock '%s'", definition->path);
	ret = lock_make(definition, quiet, &lock, err);
	if (!ret)
		ret = lockfile_write(path, &lock, definition->path, &changed, err);
	if (!ret)
		log_notice(changed ? "wrote '%s': %s of QEMU %s"
				   : "'%s' is up to date: %s of QEMU %s",
			   path, lock.machine, lock.qemu);
	lock_done(&lock);
	return ret;
}

int lock_run(const struct options *options, struct error *err)
{
	struct definition definition;
	int ret;

	if (privilege_drop(err) < 0)
		return (int)err->status;
	ret = given_load(options, options->files[0], &definition, err);
	if (ret == 0) {
		ret = lock_definition(&definition, options->quiet, err);
		definition_done(&definition);
	}
	return ret < 0 ? (int)err->status : STATUS_OK;
}
