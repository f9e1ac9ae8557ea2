// SPDX-License-Identifier: GPL-2.0-or-later
// Reads values that are numbers: counts, sizes, durations.
#ifndef LAUNCHER_DEFINITION_TYPE_NUMBER_H
#define LAUNCHER_DEFINITION_TYPE_NUMBER_H

#include <stdint.h>

#include "launcher/yaml/schema.h"

/* struct bounds - detail of type_count, type_size and type_duration; @multiple: 0 for any. */
struct bounds {
	uint64_t min;
	uint64_t max;
	uint64_t multiple;
};

/* Each type's target; the detail is a struct bounds. */
extern const struct type type_count;    /* unsigned int */
extern const struct type type_size;     /* uint64_t, bytes */
extern const struct type type_duration; /* unsigned int, seconds */

#endif
