// SPDX-License-Identifier: GPL-2.0-or-later
// Reads paths of files and makes them absolute.
#ifndef LAUNCHER_DEFINITION_TYPE_PATH_H
#define LAUNCHER_DEFINITION_TYPE_PATH_H

#include "launcher/yaml/schema.h"

/* The target of each type. */
extern const struct type type_path;          /* char *, absolute */
extern const struct type type_path_firmware; /* struct firmware_key */
extern const struct type type_path_program;  /* char *, a name without '/' or absolute */

#endif
