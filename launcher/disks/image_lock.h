// SPDX-License-Identifier: GPL-2.0-or-later
// Finds out which VM uses an image, by the locks that QEMU takes.
#ifndef LAUNCHER_DISKS_IMAGE_LOCK_H
#define LAUNCHER_DISKS_IMAGE_LOCK_H

#include <stdbool.h>

#include "netsetup/base/error.h"

/**
 * image_lock_check() - check that no other process uses an image in a way that QEMU would refuse.
 *
 * QEMU takes the locks itself; this check is for the message, which names the VM.
 * @direct: true if the guest is to write to the image. Then nobody else may use it. Otherwise
 *          nobody may write to it.
 *
 * Return: 0, -EBUSY, or the error of opening the image.
 */
int image_lock_check(const char *path, bool direct, struct error *err);

#endif
