// SPDX-License-Identifier: GPL-2.0-or-later
// The NoCloud seed: a small ISO 9660 image with what cloud-init is to know, in memory.
#ifndef LAUNCHER_GUEST_NOCLOUD_H
#define LAUNCHER_GUEST_NOCLOUD_H

#include <stdbool.h>

#include "launcher/definition/machine_plan.h"
#include "netsetup/base/error.h"

/* The most bytes that the user's user-data may have. */
#define SEED_USER_DATA_MAX (1024 * 1024)

/* seed_wanted() - whether the VM gets a seed at all. */
bool seed_wanted(const struct definition *definition);

/**
 * seed_make() - make the seed: label "cidata", files meta-data, user-data, vendor-data and, for a
 * guest that learns its address from cloud-init, network-config.
 *
 * The same plan and files give the same bytes. While vmrun-image works on it, libarchive keeps the
 * contents in a temporary file in $TMPDIR or /tmp.
 * @plan: the VM and its place on the LAN.
 * @err: names the file that cannot be used.
 *
 * Return: a descriptor of the image, read-only, close-on-exec, in no file system; or a negative
 * errno.
 */
int seed_make(const struct machine_plan *plan, struct error *err);

#endif
