// SPDX-License-Identifier: GPL-2.0-or-later
// Directories of the host that the guest can mount.
#ifndef LAUNCHER_SHARE_H
#define LAUNCHER_SHARE_H

#include "launcher/channels.h"
#include "launcher/companion.h"
#include "launcher/definition.h"
#include "launcher/value.h"

/* A name for the guest to mount a directory by; its target is a char *. */
extern const struct type type_tag;

/* Where the guest has it; its target is a char *. */
extern const struct type type_mount;

/**
 * shares_start() - start virtiofsd for each directory that wants it.
 * @definition: the VM.
 * @directory: of the running VM, only the user's.
 * @companions: to which they are added.
 * @channels: are given QEMU's ends.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int shares_start(const struct definition *definition, const char *directory,
		 struct companions *companions, struct channels *channels, struct error *err);

#endif
