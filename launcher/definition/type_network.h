// SPDX-License-Identifier: GPL-2.0-or-later
// The types of the value of 'network': one network or a list of them.
#ifndef LAUNCHER_DEFINITION_TYPE_NETWORK_H
#define LAUNCHER_DEFINITION_TYPE_NETWORK_H

#include "launcher/yaml/schema.h"

/* Each type's target. */
extern const struct type type_networks;     /* struct definition; detail struct keys, of one */
extern const struct type type_network_kind; /* an enum network_type; detail struct words */

#endif
