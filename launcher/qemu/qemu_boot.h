// SPDX-License-Identifier: GPL-2.0-or-later
// Decides from which disks the machine boots, and in which order.
#ifndef LAUNCHER_QEMU_QEMU_BOOT_H
#define LAUNCHER_QEMU_QEMU_BOOT_H

#include "launcher/definition/definition.h"
#include "launcher/qemu/qmp.h"

#define QEMU_BOOT_TEXT_SIZE 40

/* qemu_boot_write() - write a disk's options of -device, ",bootindex=0", or "" for none. */
void qemu_boot_write(const struct definition *definition, unsigned int index,
		     char text[QEMU_BOOT_TEXT_SIZE]);

/**
 * qemu_boot_restore() - end the effect of 'boot.once' with the guest's next reset.
 * @qmp: must be ready.
 *
 * Return: 0 or a negative errno.
 */
int qemu_boot_restore(const struct definition *definition, struct qmp *qmp, struct error *err);

#endif
