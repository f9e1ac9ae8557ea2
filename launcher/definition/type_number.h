// SPDX-License-Identifier: GPL-2.0-or-later
// Reads values that are counts, sizes or durations.
#ifndef LAUNCHER_DEFINITION_TYPE_NUMBER_H
#define LAUNCHER_DEFINITION_TYPE_NUMBER_H

#include <stdint.h>

#include "launcher/yaml/schema.h"

/* struct bounds - the constraint of each type below; @multiple: 0 for any. */
struct bounds {
	uint64_t min;
	uint64_t max;
	uint64_t multiple;
};

/* The target of each type; the constraint is a struct bounds. */
extern const struct type
	type_number_resolution;                /* struct resolution; each of both has the bounds */
extern const struct type type_number_count;    /* unsigned int */
extern const struct type type_number_size;     /* uint64_t, bytes */
extern const struct type type_number_duration; /* unsigned int, seconds */

#endif
