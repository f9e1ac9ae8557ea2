// SPDX-License-Identifier: GPL-2.0-or-later
// Which addresses of the subnet a VM may have, and in which order they are tried.
#ifndef NETSETUP_LEASE_CANDIDATE_H
#define NETSETUP_LEASE_CANDIDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netsetup/base/ipv4.h"

/**
 * struct candidates - walks over a span of addresses in an order of the VM's own: a start and a
 * stride that has no common divisor with the span, both from the SHA-1 of the VM's uuid and the
 * subnet. It needs no memory however large the subnet is, visits each address once, and is the same
 * on every run, so that a VM gets the same address on the same network again.
 */
struct candidates {
	uint32_t first; /* host byte order */
	uint32_t count;
	uint32_t stride;
	uint32_t next; /* offset from @first */
	uint32_t visited;
};

/**
 * candidate_init() - begin a walk.
 * @candidates: the walk.
 * @subnet: the uplink's prefix, at most 30 bits long.
 * @first, @last: the bounds of what may be allocated, or both 0.0.0.0 for the whole subnet; parts
 *                outside the subnet's host addresses are cut off.
 * @uuid: the VM's.
 *
 * Return: false when no address is left.
 */
bool candidate_init(struct candidates *candidates, const struct prefix *subnet,
		    struct in_addr first, struct in_addr last, const uint8_t uuid[16]);

/* candidate_next() - the next address; false when all were visited. */
bool candidate_next(struct candidates *candidates, struct in_addr *address);

#endif
