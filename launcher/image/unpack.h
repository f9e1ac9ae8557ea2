// SPDX-License-Identifier: GPL-2.0-or-later
// Unpacks a compressed image, in a process that can do nothing else.
#ifndef LAUNCHER_IMAGE_UNPACK_H
#define LAUNCHER_IMAGE_UNPACK_H

#include <stdbool.h>
#include <stdint.h>

#include "netsetup/base/error.h"

/**
 * unpack() - unpack a complete image.
 * @input: the compressed file, at its start, opened to read only.
 * @size: its size.
 * @output: an empty file, which gets the unpacked bytes; its zeros become holes. Of a tar archive
 *          it gets the only file whose name ends in .raw, .img or .qcow2.
 * @pinned: true if the file has the digest that the definition names.
 *
 * Threat: the bytes take over what unpacks them. Check: a separate process does, which has only the
 * descriptors that it needs and only the system calls to read, write and allocate. Threat: a small
 * file fills the disk. Check: without a digest, the image may be only some times as large. Test:
 * test_bomb() of tests/lab/guests/test_images.py.
 *
 * Return: 0 or a negative errno.
 */
int unpack(int input, uint64_t size, int output, bool pinned, struct error *err);

/* unpack_blames_image() - true if an errno value of unpack() is for the bytes themselves. */
bool unpack_blames_image(int code);

#endif
