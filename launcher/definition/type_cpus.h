// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the number of CPUs or their topology.
#ifndef LAUNCHER_DEFINITION_TYPE_CPUS_H
#define LAUNCHER_DEFINITION_TYPE_CPUS_H

#include "launcher/yaml/schema.h"

#define CPUS_MAX 255

/* The target is a struct cpus; the constraint is the struct keys of a topology. */
extern const struct type type_cpus;

#endif
