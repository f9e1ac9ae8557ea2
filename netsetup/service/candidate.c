// SPDX-License-Identifier: GPL-2.0-or-later
// Orders the addresses of the subnet that a VM may get.
#include "netsetup/service/candidate.h"

#include <assert.h>
#include <string.h>
#include <uuid/uuid.h>

static uint32_t greatest_common_divisor(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/*
 * Derives start and stride from the SHA-1 (RFC 4122 section 4.3) of the uuid, the subnet, and the
 * number of the card unless that is 0.
 */
static void derive(struct candidates *candidates, const struct prefix *subnet,
		   const uint8_t uuid[16], uint8_t card)
{
	struct in_addr network = ipv4_prefix_network(subnet);
	char name[sizeof(network) + 2];
	uint32_t start;
	uuid_t digest;

	memcpy(name, &network, sizeof(network));
	name[sizeof(network)] = (char)subnet->length;
	name[sizeof(network) + 1] = (char)card;
	uuid_generate_sha1(digest, uuid, name, card ? sizeof(name) : sizeof(name) - 1);
	memcpy(&start, digest, sizeof(start));
	memcpy(&candidates->stride, digest + 12, sizeof(candidates->stride));
	candidates->next = start % candidates->count;
	candidates->stride %= candidates->count;
	while (greatest_common_divisor(candidates->stride, candidates->count) != 1)
		candidates->stride = (candidates->stride + 1) % candidates->count;
}

bool candidate_init(struct candidates *candidates, const struct prefix *subnet,
		    struct in_addr first, struct in_addr last, const uint8_t uuid[16], uint8_t card)
{
	uint32_t low = ntohl(ipv4_prefix_network(subnet).s_addr) + 1;
	uint32_t high = ntohl(ipv4_prefix_broadcast(subnet).s_addr) - 1;

	assert(subnet->length >= 1 && subnet->length <= 30);

	memset(candidates, 0, sizeof(*candidates));
	if (!ipv4_unset(first) && ntohl(first.s_addr) > low)
		low = ntohl(first.s_addr);
	if (!ipv4_unset(last) && ntohl(last.s_addr) < high)
		high = ntohl(last.s_addr);
	if (low > high)
		return false;
	candidates->first = low;
	candidates->count = high - low + 1;
	derive(candidates, subnet, uuid, card);
	return true;
}

bool candidate_next(struct candidates *candidates, struct in_addr *address)
{
	if (candidates->visited == candidates->count)
		return false;
	address->s_addr = htonl(candidates->first + candidates->next);
	/* In 64 bits: the sum of two offsets of a large span may need more than 32. */
	candidates->next = (uint32_t)(((uint64_t)candidates->next + candidates->stride) %
				      candidates->count);
	candidates->visited++;
	return true;
}
