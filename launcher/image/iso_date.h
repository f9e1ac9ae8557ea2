// SPDX-License-Identifier: GPL-2.0-or-later
// The dates in an ISO 9660 image.
#ifndef LAUNCHER_IMAGE_ISO_DATE_H
#define LAUNCHER_IMAGE_ISO_DATE_H

#include <stddef.h>
#include <stdint.h>

/**
 * iso_date_reset() - set every date to 1970-01-01, for an image that is the same at any time.
 * libarchive writes the time of its work into the volume descriptors, the root directories and
 * a sector of its own about the program; no option tells it not to.
 * @image: an image written by libarchive whose only directory is its root.
 * @size: in bytes.
 *
 * Return: 0, or -EINVAL when it is not such an image.
 */
int iso_date_reset(uint8_t *image, size_t size);

#endif
