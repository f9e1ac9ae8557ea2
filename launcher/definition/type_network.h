// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the value of 'network': one network or a list of networks.
#ifndef LAUNCHER_DEFINITION_TYPE_NETWORK_H
#define LAUNCHER_DEFINITION_TYPE_NETWORK_H

#include "launcher/yaml/schema.h"

/* The target of each type. */
extern const struct type type_network;      /* struct definition; constraint: keys of a network */
extern const struct type type_network_kind; /* an enum network_type; constraint struct words */

#endif
