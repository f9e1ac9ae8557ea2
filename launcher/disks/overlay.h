// SPDX-License-Identifier: GPL-2.0-or-later
// Makes a disk's overlay: a qcow2 file with the guest's changes to a read-only image.
#ifndef LAUNCHER_DISKS_OVERLAY_H
#define LAUNCHER_DISKS_OVERLAY_H

#include "launcher/common/remove.h"
#include "launcher/definition/definition.h"
#include "launcher/formats/image.h"
#include "netsetup/base/error.h"

/* overlay_path() - return DIRECTORY/diskN.qcow2, which the caller frees, or NULL without memory. */
char *overlay_path(const char *directory, unsigned int index);

/**
 * overlay_open() - make a disk's overlay, or use the existing one if it still fits.
 *
 * An overlay is valid only with the bytes that its image had when the overlay was made. So it must
 * name the image, and the image must have the size and the mtime recorded in DIRECTORY/diskN.base.
 * An image from a URL has its digest in its path, so size and mtime are not recorded. The overlay
 * is grown to the disk's size, never shrunk.
 * @directory: absolute, must exist and be locked.
 * @index: the disk's number.
 * @image: from image_inspect(); NULL for a disk without an image, which begins empty and whose
 *         size must not be 0.
 * @path: of the overlay; the caller frees it.
 * @err: has a remedy if the overlay does not fit.
 *
 * Return: 0 or a negative errno.
 */
int overlay_open(const char *directory, unsigned int index, const struct disk *disk,
		 const struct image *image, char **path, struct error *err);

/**
 * overlay_temporary() - make a temporary overlay with a new name; refuse a damaged qcow2 image.
 * @directory, @index, @disk, @image, @err: as above.
 * @path: of the overlay; the caller removes the file and frees the path.
 *
 * Return: 0 or a negative errno.
 */
int overlay_temporary(const char *directory, unsigned int index, const struct disk *disk,
		      const struct image *image, char **path, struct error *err);

/**
 * overlay_reset() - remove a VM's overlays and the records of their images.
 * @directory: absolute, must be locked.
 */
void overlay_reset(const char *directory, const struct removal *removal);

/**
 * overlay_remove_stale() - remove temporary files of runs that were killed.
 * @directory: absolute, must be locked, so that no other run uses them.
 */
void overlay_remove_stale(const char *directory, const struct removal *removal);

#endif
