// SPDX-License-Identifier: GPL-2.0-or-later
// The two jobs that qemu-img(1) does for an overlay.
#ifndef LAUNCHER_DISKS_QEMU_IMG_H
#define LAUNCHER_DISKS_QEMU_IMG_H

#include <stdint.h>

#include "launcher/definition/definition.h"
#include "netsetup/base/error.h"

/**
 * qemu_img_create() - make a qcow2 overlay; a file that is there is overwritten.
 * @path: of the overlay, absolute.
 * @base: the image below it, absolute; NULL for a disk that is empty.
 * @base_format: its format, not auto.
 * @size: of the overlay's disk in bytes; 0: as the base's.
 * @err: with qemu-img's own words.
 *
 * Return: 0 or a negative errno.
 */
int qemu_img_create(const char *path, const char *base, enum disk_format base_format, uint64_t size,
		    struct error *err);

/**
 * qemu_img_grow() - make the disk of a qcow2 image larger.
 * @path: of the image, absolute.
 * @size: larger than it is now, in bytes.
 * @err: with qemu-img's own words.
 *
 * Return: 0 or a negative errno.
 */
int qemu_img_grow(const char *path, uint64_t size, struct error *err);

#endif
