// SPDX-License-Identifier: GPL-2.0-or-later
// The overlay of a disk: a qcow2 file with what the guest changed, on top of an untouched image.
#ifndef LAUNCHER_DISKS_OVERLAY_H
#define LAUNCHER_DISKS_OVERLAY_H

#include "launcher/common/remove.h"
#include "launcher/definition/definition.h"
#include "launcher/disks/image.h"
#include "netsetup/base/error.h"

/* overlay_path() - DIRECTORY/diskN.qcow2, allocated; NULL when memory ran out. */
char *overlay_path(const char *directory, unsigned int index);

/**
 * overlay_open() - make a disk's overlay, or take the one that is there if it still fits.
 *
 * An overlay is only of use with the very bytes that its image had when it was made. So it must
 * name the image, and the image must have the size and the time of its last change that were noted
 * in DIRECTORY/diskN.base then. An image from a URL is named by its digest and needs no record. The
 * overlay is grown to the disk's size, never shrunk.
 * @directory: absolute, exists; its lock is held.
 * @index: the disk's number.
 * @disk: the disk.
 * @image: what image_inspect() found; NULL for a disk without an image, which begins empty and
 *         whose size is not 0.
 * @path: of the overlay, allocated; the caller frees it.
 * @err: says how to go on without it.
 *
 * Return: 0 or a negative errno.
 */
int overlay_open(const char *directory, unsigned int index, const struct disk *disk,
		 const struct image *image, char **path, struct error *err);

/**
 * overlay_temporary() - make an overlay that is thrown away; its name is none that was used before.
 * @directory, @index, @disk, @image, @err: as above.
 * @path: of the overlay, allocated; the caller removes the file and frees it.
 *
 * Return: 0 or a negative errno.
 */
int overlay_temporary(const char *directory, unsigned int index, const struct disk *disk,
		      const struct image *image, char **path, struct error *err);

/**
 * overlay_reset() - remove a VM's overlays, and what is known of their images.
 * @directory: absolute; its lock is held.
 */
void overlay_reset(const char *directory, const struct sweep *sweep);

/**
 * overlay_sweep() - remove the temporary files that runs which died have left.
 * @directory: absolute; its lock is held, so that none of them is in use.
 */
void overlay_sweep(const char *directory, const struct sweep *sweep);

#endif
