// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the values of 'shares'.
#ifndef LAUNCHER_DEFINITION_TYPE_SHARE_H
#define LAUNCHER_DEFINITION_TYPE_SHARE_H

#include "launcher/yaml/schema.h"

/* 9p's limit is 32 (MAX_TAG_LEN of QEMU's hw/9pfs/9p.h), but some readers count a NUL. */
#define TYPE_SHARE_TAG_MAX 31

/* The target of each type. */
extern const struct type type_share_tag;   /* char *, name that the guest mounts it by */
extern const struct type type_share_mount; /* char *, absolute in the guest */

#endif
