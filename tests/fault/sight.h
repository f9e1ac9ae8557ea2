// SPDX-License-Identifier: GPL-2.0-or-later
// What the host is like, as text to compare.
#ifndef TESTS_FAULT_SIGHT_H
#define TESTS_FAULT_SIGHT_H

#include <stdbool.h>

#define SIGHT_SIZE 16384

/**
 * struct sight - a look at the host.
 * @kernel: what goes with descriptors and sockets.
 * @network: what a helper, or a sweep, puts back.
 * @files: of the user.
 */
struct sight {
	char kernel[SIGHT_SIZE];
	char network[SIGHT_SIZE];
	char files[SIGHT_SIZE];
};

#define DIFFERS_KERNEL  1u
#define DIFFERS_NETWORK 2u
#define DIFFERS_FILES   4u

/* Empty directories do not count: the call that failed may have been the one to remove them. */
extern bool sight_files_alone;

/* sight_take() - look. */
void sight_take(struct sight *sight);

/**
 * sight_settle() - look until none of @bits differs, for up to @limit_ms.
 * @before: what it is compared with.
 * @now: the last look.
 *
 * Return: what differs, DIFFERS_*.
 */
unsigned int sight_settle(const struct sight *before, unsigned int bits, int limit_ms,
			  struct sight *now);

#endif
