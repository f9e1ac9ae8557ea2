// SPDX-License-Identifier: GPL-2.0-or-later
// Makes the NoCloud seed's file system: ISO 9660 with the label "cidata".
#ifndef LAUNCHER_IMAGE_ISO_H
#define LAUNCHER_IMAGE_ISO_H

#include "netsetup/base/error.h"

/**
 * iso_make() - make the image. The same files give the same bytes.
 * @input: the files, each after a struct image_file.
 * @output: an empty file, readable and writable.
 *
 * libarchive stores the contents in a temporary file in $TMPDIR or /tmp until the end.
 *
 * Return: 0 or a negative errno.
 */
int iso_make(int input, int output, struct error *err);

#endif
