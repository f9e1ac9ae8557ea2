// SPDX-License-Identifier: GPL-2.0-or-later
// Reads values that name a file, and makes their paths absolute.
#ifndef LAUNCHER_DEFINITION_TYPE_PATH_H
#define LAUNCHER_DEFINITION_TYPE_PATH_H

#include "launcher/yaml/schema.h"

/* Each type's target. */
extern const struct type type_path;     /* char *, absolute */
extern const struct type type_firmware; /* struct firmware_key */
extern const struct type type_program;  /* char *, a name without '/' or absolute */

#endif
