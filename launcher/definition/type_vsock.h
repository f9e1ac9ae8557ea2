// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the value of 'vsock'.
#ifndef LAUNCHER_DEFINITION_TYPE_VSOCK_H
#define LAUNCHER_DEFINITION_TYPE_VSOCK_H

#include "launcher/yaml/schema.h"

/* Its target is definition.vsock. */
extern const struct type type_vsock;

#endif
