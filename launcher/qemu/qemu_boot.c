// SPDX-License-Identifier: GPL-2.0-or-later
// Decides from which disks the machine boots, and in which order.
#include "launcher/qemu/qemu_boot.h"

#include <errno.h>
#include <stdio.h>

/*
 * Theory of operation: the firmware tries the devices in the order of their bootindex. It reads
 * that order at each reset, since QEMU writes the list then (fw_cfg_machine_reset() of
 * hw/nvram/fw_cfg.c). The first reset is over when QMP answers. So the disks of 'boot.once' start
 * with indexes below all others, and get their own ones by QMP as soon as it is ready.
 */

/* QOM's name of a device with an id. */
#define DEVICE_PATH "/machine/peripheral/once%u"

static enum boot_device kind(const struct definition *definition, unsigned int index)
{
	return definition->disks[index].device == DISK_CDROM ? BOOT_CDROM : BOOT_DISK;
}

static bool is_once(const struct definition *definition, unsigned int index)
{
	return definition->boot.once == kind(definition, index);
}

/*
 * Returns the bootindex, or -1 for a disk that the machine does not boot from. Without an order it
 * boots from the first disk or a CD-ROM, in this order: an installer's CD-ROM boots while the disk
 * is still empty. -kernel uses bootindex 0 itself.
 */
static int boot_index(const struct definition *definition, unsigned int index)
{
	/* Leaves the indexes below to the disks of 'boot.once'. */
	const unsigned int first = definition->boot.once ? DISKS_MAX : 0;

	if (definition->boot.kernel)
		return -1;
	if (!definition->boot.order_count)
		return index == 0 || kind(definition, index) == BOOT_CDROM ? (int)(first + index)
									   : -1;
	for (unsigned int i = 0; i < definition->boot.order_count; i++)
		if (definition->boot.order[i] == kind(definition, index))
			return (int)(first + i * DISKS_MAX + index);
	return -1;
}

void qemu_boot_write(const struct definition *definition, unsigned int index,
		     char text[QEMU_BOOT_TEXT_SIZE])
{
	const int usual = boot_index(definition, index);

	text[0] = '\0';
	if (is_once(definition, index))
		snprintf(text, QEMU_BOOT_TEXT_SIZE, ",id=once%u,bootindex=%u", index, index);
	else if (usual >= 0)
		snprintf(text, QEMU_BOOT_TEXT_SIZE, ",bootindex=%d", usual);
}

static int set_index(struct qmp *qmp, unsigned int index, int value, struct error *err)
{
	struct json_object *arguments = json_object_new_object();
	char path[sizeof(DEVICE_PATH) + 10];

	snprintf(path, sizeof(path), DEVICE_PATH, index);
	if (json_object_object_add(arguments, "path", json_object_new_string(path)) ||
	    json_object_object_add(arguments, "property", json_object_new_string("bootindex")) ||
	    json_object_object_add(arguments, "value", json_object_new_int(value))) {
		json_object_put(arguments);
		return error_set_errno(err, ENOMEM, "cannot set the boot order");
	}
	return qmp_send(qmp, "qom-set", arguments, err);
}

int qemu_boot_restore(const struct definition *definition, struct qmp *qmp, struct error *err)
{
	int ret = 0;

	for (unsigned int i = 0; i < definition->disk_count && !ret; i++)
		if (is_once(definition, i))
			ret = set_index(qmp, i, boot_index(definition, i), err);
	return ret;
}
