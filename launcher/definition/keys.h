// SPDX-License-Identifier: GPL-2.0-or-later
// Lists the keys of a definition in one table for each mapping.
#ifndef LAUNCHER_DEFINITION_KEYS_H
#define LAUNCHER_DEFINITION_KEYS_H

#include "launcher/yaml/schema.h"

/* The table of struct definition; its rows lead to all other tables. */
extern const struct keys keys_definition;

#endif
