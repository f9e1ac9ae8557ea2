// SPDX-License-Identifier: GPL-2.0-or-later
// Reads values that name an image: a path, a URL or its mirrors, and the digest.
#ifndef LAUNCHER_DEFINITION_TYPE_IMAGE_H
#define LAUNCHER_DEFINITION_TYPE_IMAGE_H

#include "launcher/yaml/schema.h"

/* Each type's target. */
extern const struct type type_image;  /* struct disk: image, or urls and url_count */
extern const struct type type_digest; /* char[]; detail struct limits: its digits */

#endif
