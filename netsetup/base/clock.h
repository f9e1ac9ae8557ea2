// SPDX-License-Identifier: GPL-2.0-or-later
// The clock of limits to waiting: nobody sets it, and it stands still while the host sleeps, as a guest does.
#ifndef NETSETUP_BASE_CLOCK_H
#define NETSETUP_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* monotonic_ms() - CLOCK_MONOTONIC, in milliseconds. */
static inline uint64_t monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

#endif
