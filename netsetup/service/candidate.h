// SPDX-License-Identifier: GPL-2.0-or-later
// Orders the addresses of the subnet that a VM may get.
#ifndef NETSETUP_SERVICE_CANDIDATE_H
#define NETSETUP_SERVICE_CANDIDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netsetup/base/ipv4.h"

/**
 * struct candidates - visits a span of addresses in the VM's own order: from a start, by a stride
 * that has no common divisor with the span. Both come from the SHA-1 of the VM's uuid, the card and
 * the subnet. The order needs no memory for any size of subnet and has each address once. It is the
 * same on every run, so a VM gets the same address on the same network again.
 */
struct candidates {
	uint32_t first; /* host byte order */
	uint32_t count;
	uint32_t stride;
	uint32_t next; /* offset from @first */
	uint32_t visited;
};

/**
 * candidate_init() - start with the first candidate.
 * @subnet: the uplink's prefix, at most 30 bits long.
 * @first, @last: bounds of the allocation, or both 0.0.0.0 for the whole subnet; cut to the
 *                subnet's host addresses.
 * @uuid: the VM's, binary.
 * @card: number of the card.
 *
 * Return: false if no address is left.
 */
bool candidate_init(struct candidates *candidates, const struct prefix *subnet,
		    struct in_addr first, struct in_addr last, const uint8_t uuid[16],
		    uint8_t card);

/* candidate_next() - get the next address; false if all were visited. */
bool candidate_next(struct candidates *candidates, struct in_addr *address);

#endif
