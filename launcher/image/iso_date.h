// SPDX-License-Identifier: GPL-2.0-or-later
// Sets the dates in an ISO 9660 image.
#ifndef LAUNCHER_IMAGE_ISO_DATE_H
#define LAUNCHER_IMAGE_ISO_DATE_H

#include <stddef.h>
#include <stdint.h>

/**
 * iso_date_reset() - set every date to 1970-01-01, so that the same files give the same image.
 * libarchive writes the current time into the volume descriptors, the root directories and a sector
 * about the program; it has no option against that.
 * @image: an image written by libarchive whose only directory is its root.
 * @size: its size in bytes.
 *
 * Return: 0, or -EINVAL if it is not such an image.
 */
int iso_date_reset(uint8_t *image, size_t size);

#endif
