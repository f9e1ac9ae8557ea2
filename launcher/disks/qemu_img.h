// SPDX-License-Identifier: GPL-2.0-or-later
// Runs qemu-img(1) to create or grow an overlay.
#ifndef LAUNCHER_DISKS_QEMU_IMG_H
#define LAUNCHER_DISKS_QEMU_IMG_H

#include <stdint.h>

#include "launcher/definition/definition.h"
#include "netsetup/base/error.h"

/**
 * qemu_img_create() - make a qcow2 overlay; overwrites an existing file.
 * @path: of the overlay, absolute.
 * @base: the backing image, absolute; NULL for an empty disk.
 * @base_format: of @base; must not be auto.
 * @size: of the overlay's disk in bytes; 0 for the size of @base.
 * @err: has qemu-img's message.
 *
 * Return: 0 or a negative errno.
 */
int qemu_img_create(const char *path, const char *base, enum disk_format base_format, uint64_t size,
		    struct error *err);

/**
 * qemu_img_grow() - make the disk of a qcow2 image larger.
 * @path: of the image, absolute.
 * @size: in bytes, larger than before.
 * @err: has qemu-img's message.
 *
 * Return: 0 or a negative errno.
 */
int qemu_img_grow(const char *path, uint64_t size, struct error *err);

#endif
