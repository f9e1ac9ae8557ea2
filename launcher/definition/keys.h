// SPDX-License-Identifier: GPL-2.0-or-later
// The keys of a definition, one table for each mapping.
#ifndef LAUNCHER_DEFINITION_KEYS_H
#define LAUNCHER_DEFINITION_KEYS_H

#include "launcher/yaml/schema.h"

/* The table of struct definition, from which all others are reached. */
extern const struct keys keys_definition;

#endif
