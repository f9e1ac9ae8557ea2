// SPDX-License-Identifier: GPL-2.0-or-later
// Writes the state of the host as text to compare.
#ifndef TESTS_FAULT_SIGHT_H
#define TESTS_FAULT_SIGHT_H

#include <stdbool.h>

#define SIGHT_SIZE 16384

/**
 * struct sight - a look at the host.
 * @kernel: the part that the kernel removes with descriptors and sockets.
 * @network: the part that a service or a sweep restores.
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
 * @before: the look to compare with.
 * @now: the last look.
 *
 * Return: what differs, DIFFERS_*.
 */
unsigned int sight_settle(const struct sight *before, unsigned int bits, int limit_ms,
			  struct sight *now);

#endif
