// SPDX-License-Identifier: GPL-2.0-or-later
// Makes a lock from the current state of a definition's files.
#include "launcher/lock/lock_make.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "launcher/devices/uefi.h"
#include "launcher/disks/digest_cache.h"
#include "launcher/qemu/qemu_probe.h"
#include "launcher/yaml/scalar.h"
#include "netsetup/base/cleanup.h"

/* struct making - the state while a lock is made; @qemu: of the definition's program. */
struct making {
	const struct definition *definition;
	bool quiet;
	struct qemu_probe_result qemu;
	struct lock *lock;
};

static int copy_text(char **text, const char *value, struct error *err)
{
	*text = strdup(value);
	return *text ? 0 : error_set_errno(err, ENOMEM, "cannot copy '%s'", value);
}

static int lock_file(const char *path, bool quiet, char **text, struct error *err)
{
	char name[IMAGE_NAME_SIZE];
	int ret;

	if (!path)
		return 0;
	ret = digest_cache_get(path, quiet, false, name, err);
	return ret ? ret : copy_text(text, name, err);
}

/* The definition has the digest of an image from a URL. A disk of mode direct has no fixed one. */
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

/* The host's UEFI firmware has two files, which the definition does not name. */
static int lock_firmware(const struct making *making, char **code, struct error *err)
{
	const struct definition *definition = making->definition;
	struct uefi uefi = { 0 };
	int ret;

	if (!definition->machine.firmware.uefi)
		return lock_file(definition->machine.firmware.file, making->quiet, code, err);
	ret = uefi_find(definition, &uefi, err);
	if (!ret)
		ret = lock_file(uefi.code, making->quiet, code, err);
	if (!ret)
		ret = lock_file(uefi.variables, making->quiet, &making->lock->variables, err);
	uefi_done(&uefi);
	return ret;
}

/* The type of @pinned->key defines the type of @pinned->target. */
static int lock_pinned(const struct making *making, const struct pinned *pinned, struct error *err)
{
	const struct network *network = pinned->target;
	const char *const *path = pinned->target;
	char **text = lock_slot(making->lock, pinned);
	char buffer[UUID_STR_LEN];

	assert(text);

	switch (pinned->pin) {
	case PIN_QEMU:
		return copy_text(text, making->qemu.version, err);
	case PIN_MACHINE:
		return copy_text(text, making->qemu.machine, err);
	case PIN_UUID:
		uuid_unparse_lower(making->definition->uuid, buffer);
		return copy_text(text, buffer, err);
	case PIN_FIRMWARE:
		return lock_firmware(making, text, err);
	case PIN_FILE:
		return lock_file(*path, making->quiet, text, err);
	case PIN_MAC:
		return copy_text(text, scalar_mac_text(&network->mac, buffer), err);
	case PIN_IMAGE:
		return lock_disk(pinned->target, making->quiet, text, err);
	case PIN_CREDENTIAL:
		/* The digest of the definition's file locks a value in it. */
		return *path ? lock_file(*path, making->quiet, text, err)
			     : copy_text(text, LOCK_VALUE, err);
	case PIN_NONE:
	case PIN_KEYS:
	case PIN_UNLOCKED:
	case PIN_END:
		break;
	}
	return 0;
}

int lock_make(const struct definition *definition, bool quiet, struct lock *lock, struct error *err)
{
	struct making making = { .definition = definition, .quiet = quiet, .lock = lock };
	struct pins pins;
	int ret;

	lock->version = LOCK_VERSION;
	ret = lock_file(definition->path, quiet, &lock->definition, err);
	if (!ret)
		ret = qemu_probe(definition->qemu.binary, definition->machine.type, &making.qemu,
				 err);
	pin_collect(definition, &pins);
	for (unsigned int i = 0; i < pins.count && !ret; i++)
		ret = lock_pinned(&making, &pins.items[i], err);
	return ret;
}
