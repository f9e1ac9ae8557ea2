// SPDX-License-Identifier: GPL-2.0-or-later
// Inspects a disk image's format and size and refuses references to other files.
#ifndef LAUNCHER_FORMATS_IMAGE_H
#define LAUNCHER_FORMATS_IMAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "netsetup/base/error.h"

enum disk_format {
	DISK_FORMAT_AUTO,
	DISK_FORMAT_RAW,
	DISK_FORMAT_QCOW2,
};

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
 * For DISK_FORMAT_AUTO, an image with qcow2's magic is qcow2, any other raw. Other known formats,
 * compressed files, archives and what is smaller than a sector are refused, since they would be
 * garbage as a raw disk.
 * Threat: a guest or a downloaded image names files of the host. Checks that refuse it:
 *  - a qcow2 image with a backing file or an external data file, for every value of @format;
 *  - a qcow2 header in an image that a guest writes to, if @format is DISK_FORMAT_AUTO and the name
 *    does not end in ".qcow2", since the guest of a raw disk can write such a header.
 * Test: test_image.c, test_qcow2_other_file().
 * @direct: true if the guest writes to the image itself.
 * @err: has a remedy.
 *
 * Return: 0, -EINVAL, or the error of opening or reading the image.
 */
int image_inspect(const char *path, enum disk_format format, bool direct, struct image *image,
		  struct error *err);

#endif
