// SPDX-License-Identifier: GPL-2.0-or-later
// Inspects a disk image's format and size and refuses references to other files.
#ifndef LAUNCHER_DISKS_IMAGE_H
#define LAUNCHER_DISKS_IMAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "launcher/definition/definition.h"
#include "netsetup/base/error.h"

/**
 * struct image - properties of a disk image.
 * @path: the caller's; not freed here.
 * @format: raw or qcow2.
 * @size: of the disk in the image, in bytes.
 * @device: true for a block device.
 * @file_size: of the file, in bytes.
 * @mtime: of the file; zero for a device, whose mtime does not show writes.
 */
struct image {
	const char *path;
	enum disk_format format;
	uint64_t size;
	bool device;
	uint64_t file_size;
	struct timespec mtime;
};

/**
 * image_inspect() - inspect a disk's image.
 *
 * For the format `auto`, an image with qcow2's magic is qcow2, any other raw. Compressed content
 * and other known formats are refused, since they would be garbage as a raw disk.
 * Threat: a guest or a downloaded image names files of the host. Checks that refuse it:
 *  - a qcow2 image with a backing file or an external data file, for every value of `format`;
 *  - a qcow2 header in an image of mode `direct` and format `auto` whose name does not end in
 *    ".qcow2", since the guest of a raw disk can write such a header.
 * @disk: format and mode are read.
 * @err: has a remedy.
 *
 * Return: 0, -EINVAL, or the error of opening or reading the image.
 */
int image_inspect(const char *path, const struct disk *disk, struct image *image,
		  struct error *err);

#endif
