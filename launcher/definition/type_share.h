// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the values of 'shares'.
#ifndef LAUNCHER_DEFINITION_TYPE_SHARE_H
#define LAUNCHER_DEFINITION_TYPE_SHARE_H

#include "launcher/yaml/schema.h"

/* One less than 9p's own limit (MAX_TAG_LEN of QEMU's hw/9pfs/9p.h), since some count a NUL. */
#define TYPE_SHARE_TAG_MAX 31

/* Each type's target. */
extern const struct type type_share_tag;   /* char *, by which the guest names the directory */
extern const struct type type_share_mount; /* char *, absolute in the guest */

#endif
