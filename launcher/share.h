// SPDX-License-Identifier: GPL-2.0-or-later
// Directories of the host that the guest can mount.
#ifndef LAUNCHER_SHARE_H
#define LAUNCHER_SHARE_H

#include "launcher/value.h"

/* A name for the guest to mount a directory by; its target is a char *. */
extern const struct type type_tag;

#endif
