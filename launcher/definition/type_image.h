// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the path, URLs and digest of an image.
#ifndef LAUNCHER_DEFINITION_TYPE_IMAGE_H
#define LAUNCHER_DEFINITION_TYPE_IMAGE_H

#include "launcher/yaml/schema.h"

/* The target of each type. */
extern const struct type type_image;        /* struct disk: image, or urls and url_count */
extern const struct type type_image_digest; /* char[]; constraint struct limits: its digits */

#endif
