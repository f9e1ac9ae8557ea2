// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the clock that all timeouts use.
#ifndef NETSETUP_BASE_CLOCK_H
#define NETSETUP_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* monotonic_ms() - CLOCK_MONOTONIC, in ms. Nobody can set it, and suspend stops it and guests. */
static inline uint64_t monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

#endif
