// SPDX-License-Identifier: GPL-2.0-or-later
// Runs qemu-img(1) to create or grow an overlay, or to check an image.
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
 * @err: has qemu-img's message and names @base, not @path.
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

/**
 * qemu_img_check() - check that all clusters of a qcow2 image are there.
 * @path: of the image, absolute.
 * @err: has a remedy.
 *
 * Return: 0; -EINVAL if the image is damaged; or another negative errno.
 */
int qemu_img_check(const char *path, struct error *err);

#endif
