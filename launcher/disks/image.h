// SPDX-License-Identifier: GPL-2.0-or-later
// A disk image that the definition names: its format, its size, and that it leads to no other file.
#ifndef LAUNCHER_DISKS_IMAGE_H
#define LAUNCHER_DISKS_IMAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "launcher/definition/definition.h"
#include "netsetup/base/error.h"

/**
 * struct image - what was found.
 * @path: of the file; lives as long as the caller's.
 * @format: raw or qcow2.
 * @size: of the disk that it holds, in bytes.
 * @device: it is a block device.
 * @file_size: of the file, in bytes.
 * @mtime: of the file; zero for a device, which has none that would tell of writes.
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
 * image_inspect() - look at a disk's image.
 *
 * The format `auto` is told by the content: qcow2 by its magic, raw otherwise. Content of another
 * known format, or compressed, is refused: as a raw disk it would be garbage. Two more refusals
 * keep a guest or a download from naming files of the host:
 *  - a qcow2 image with a backing file or an external data file, whatever the format key says;
 *  - a qcow2 header in an image of mode `direct` and format `auto` whose name does not end in
 *    ".qcow2": if the disk is raw, its guest can have written that header itself.
 * @path: of the image.
 * @disk: its format and mode.
 * @image: the image.
 * @err: says what to do.
 *
 * Return: 0, -EINVAL, or the error of opening or reading it.
 */
int image_inspect(const char *path, const struct disk *disk, struct image *image,
		  struct error *err);

#endif
