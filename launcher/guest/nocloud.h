// SPDX-License-Identifier: GPL-2.0-or-later
// Makes the NoCloud seed: a small ISO 9660 image for cloud-init, in memory.
#ifndef LAUNCHER_GUEST_NOCLOUD_H
#define LAUNCHER_GUEST_NOCLOUD_H

#include <stdbool.h>

#include "launcher/definition/machine_plan.h"
#include "netsetup/base/error.h"

/* nocloud_wanted() - true if the VM gets a seed. */
bool nocloud_wanted(const struct definition *definition);

/**
 * nocloud_make() - make the seed with the label "cidata" and the files meta-data, user-data and
 * vendor-data, and network-config for a guest whose network cloud-init configures.
 *
 * The same plan and files give the same bytes. While vmrun-image makes the image, libarchive stores
 * the contents in a temporary file in $TMPDIR or /tmp.
 * @plan: the VM; @plan->cards have the addresses.
 * @err: names the file that cannot be used.
 *
 * Return: a read-only, close-on-exec descriptor of a sealed memfd; or a negative errno.
 */
int nocloud_make(const struct machine_plan *plan, struct error *err);

#endif
