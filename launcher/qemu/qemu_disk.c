// SPDX-License-Identifier: GPL-2.0-or-later
// Adds QEMU's arguments for the disks and the NoCloud seed.
#include "launcher/qemu/qemu_disk.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "launcher/definition/machine.h"
#include "launcher/qemu/qemu_boot.h"
#include "launcher/qemu/qemu_fd.h"
#include "launcher/qemu/qemu_text.h"

/* The number of the descriptor set that holds the seed. */
#define SEED_SET 1

static void put(struct json_object *object, const char *key, struct json_object *value,
		struct argv *argv)
{
	if (!value || json_object_object_add(object, key, value)) {
		json_object_put(value);
		argv->failed = 1;
	}
}

static void put_string(struct json_object *object, const char *key, const char *value,
		       struct argv *argv)
{
	put(object, key, json_object_new_string(value), argv);
}

static void put_bool(struct json_object *object, const char *key, bool value, struct argv *argv)
{
	put(object, key, json_object_new_boolean(value), argv);
}

struct json_object *qemu_disk_node(const char *name, enum disk_format format, bool read_only,
				   struct argv *argv)
{
	static const char *const drivers[] = {
		[DISK_FORMAT_AUTO] = "FORMAT",
		[DISK_FORMAT_RAW] = "raw",
		[DISK_FORMAT_QCOW2] = "qcow2",
	};
	struct json_object *node = json_object_new_object();

	put_string(node, "driver", drivers[format], argv);
	put_string(node, "node-name", name, argv);
	put_bool(node, "read-only", read_only, argv);
	return node;
}

void qemu_disk_add_node(struct argv *argv, struct json_object *node, const char *driver,
			const char *path)
{
	struct json_object *file = json_object_new_object();
	const char *text;

	put_string(file, "driver", driver, argv);
	put_string(file, "filename", path, argv);
	put(node, "file", file, argv);
	text = json_object_to_json_string_ext(node, JSON_C_TO_STRING_PLAIN |
							    JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text)
		argv_add(argv, "-blockdev", text, NULL);
	else
		argv->failed = 1;
	json_object_put(node);
}

/* The three properties that make up each cache mode (qemu(1), -drive cache=). */
static const struct {
	bool direct, no_flush, write_through;
} caches[] = {
	[DISK_CACHE_NONE] = { .direct = true },
	[DISK_CACHE_WRITETHROUGH] = { .write_through = true },
	[DISK_CACHE_DIRECTSYNC] = { .direct = true, .write_through = true },
	[DISK_CACHE_UNSAFE] = { .no_flush = true },
};

/* The node of the file inherits both options. */
static void put_cache(struct json_object *node, enum disk_cache mode, struct argv *argv)
{
	struct json_object *cache;

	if (!caches[mode].direct && !caches[mode].no_flush)
		return;
	cache = json_object_new_object();
	put_bool(cache, "direct", caches[mode].direct, argv);
	put_bool(cache, "no-flush", caches[mode].no_flush, argv);
	put(node, "cache", cache, argv);
}

static struct json_object *disk_node(const struct machine_plan *plan, unsigned int i,
				     struct argv *argv)
{
	enum disk_mode mode = plan->definition->disks[i].mode;
	bool qcow2 = plan->disk_formats[i] == DISK_FORMAT_QCOW2;
	struct json_object *node;
	char name[16];

	snprintf(name, sizeof(name), "disk%u", i);
	node = qemu_disk_node(name, plan->disk_formats[i], mode == DISK_READONLY, argv);
	/* A block that the guest trims is freed in the host's file system. */
	if (mode != DISK_READONLY)
		put_string(node, "discard", "unmap", argv);
	put_cache(node, plan->definition->disks[i].cache, argv);
	/* Threat: the guest writes a header that names another file. QEMU opens no backing file. */
	if (qcow2 && (mode == DISK_DIRECT || mode == DISK_READONLY) &&
	    json_object_object_add(node, "backing", NULL))
		argv->failed = 1;
	return node;
}

static const char *device_model(const struct definition *definition, enum disk_device device)
{
	switch (device) {
	case DISK_SCSI:
		return "scsi-hd";
	case DISK_SATA:
		return "ide-hd";
	case DISK_NVME:
		return "nvme";
	case DISK_CDROM:
		return machine_ide_ports(definition->machine.type) ? "ide-cd" : "scsi-cd";
	case DISK_VIRTIO:
	case DISK_DEVICE_AUTO:
		break;
	}
	return "virtio-blk-pci";
}

static bool is_ide(const struct definition *definition, unsigned int i)
{
	const enum disk_device device = definition->disks[i].device;

	return device == DISK_SATA ||
	       (device == DISK_CDROM && machine_ide_ports(definition->machine.type));
}

/* Chooses bus and unit of an IDE device: QEMU fills one bus only. AHCI has one unit on each. */
static void write_ide(const struct definition *definition, unsigned int i, char *text, size_t size)
{
	unsigned int before = 0;

	if (!is_ide(definition, i))
		return;
	for (unsigned int k = 0; k < i; k++)
		before += is_ide(definition, k);
	if (machine_has_ahci(definition->machine.type))
		snprintf(text, size, ",bus=ide.%u", before);
	else
		snprintf(text, size, ",bus=ide.%u,unit=%u", before / 2, before % 2);
}

static bool needs_scsi(const struct definition *definition, unsigned int i)
{
	const enum disk_device device = definition->disks[i].device;

	return device == DISK_SCSI ||
	       (device == DISK_CDROM && !machine_ide_ports(definition->machine.type));
}

static void add_device(struct argv *argv, const struct definition *definition, unsigned int i)
{
	const struct disk *disk = &definition->disks[i];
	const enum disk_device device = disk->device;
	char boot[QEMU_BOOT_TEXT_SIZE], port[32] = "", serial[32] = "";
	bool first = needs_scsi(definition, i);

	for (unsigned int k = 0; k < i; k++)
		first = first && !needs_scsi(definition, k);
	if (first)
		argv_add(argv, "-device", "virtio-scsi-pci,id=scsi", NULL);
	qemu_boot_write(definition, i, boot);
	/* QEMU requires a serial number, and the guest distinguishes NVMe disks by it. */
	if (disk->serial)
		snprintf(serial, sizeof(serial), ",serial=%s", disk->serial);
	else if (device == DISK_NVME)
		snprintf(serial, sizeof(serial), ",serial=disk%u", i);
	write_ide(definition, i, port, sizeof(port));
	argv_add(argv, "-device", NULL);
	argv_addf(argv, "%s,drive=disk%u%s%s%s%s", device_model(definition, device), i, port,
		  serial, caches[disk->cache].write_through ? ",write-cache=off" : "", boot);
}

int qemu_disk_add(const struct machine_plan *plan, struct argv *argv, struct error *err)
{
	const struct definition *definition = plan->definition;
	char key[32];
	int ret;

	for (unsigned int i = 0; i < definition->disk_count; i++) {
		snprintf(key, sizeof(key), "disks[%u].image", i);
		ret = qemu_text_check(key, plan->disk_paths[i], err);
		if (ret)
			return ret;
		qemu_disk_add_node(argv, disk_node(plan, i, argv),
				   plan->disk_devices[i] ? "host_device" : "file",
				   plan->disk_paths[i]);
		add_device(argv, definition, i);
	}
	return 0;
}

/*
 * The seed is a virtio disk, since cloud kernels often lack AHCI for a CD-ROM, and cloud-init finds
 * the label on any block device. It follows the disks, so that the first disk stays /dev/vda.
 */
int qemu_disk_add_seed(const struct machine_plan *plan, struct argv *argv, struct error *err)
{
	if (!plan->seed)
		return 0;
	argv_add(argv, "-add-fd", NULL);
	argv_addf(argv, "fd=%d,set=%d", QEMU_FD_SEED, SEED_SET);
	argv_add(argv, "-blockdev", NULL);
	argv_addf(argv,
		  "{\"driver\":\"raw\",\"node-name\":\"seed\",\"read-only\":true,\"file\":"
		  "{\"driver\":\"file\",\"filename\":\"/dev/fdset/%d\"}}",
		  SEED_SET);
	argv_add(argv, "-device", "virtio-blk-pci,drive=seed", NULL);
	return 0;
}
