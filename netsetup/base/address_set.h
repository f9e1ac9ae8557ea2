// SPDX-License-Identifier: GPL-2.0-or-later
// A set of IPv4 addresses, made once and then asked many times.
#ifndef NETSETUP_BASE_ADDRESS_SET_H
#define NETSETUP_BASE_ADDRESS_SET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

/**
 * struct addrset - a set of addresses; all zero is the empty set.
 * @failed: memory ran out, the set is not to be used; checked once, after the last addrset_add().
 */
struct addrset {
	struct in_addr *addresses;
	size_t count;
	size_t capacity;
	bool sorted;
	bool failed;
};

void addrset_add(struct addrset *set, struct in_addr address);
bool addrset_has(struct addrset *set, struct in_addr address);
void addrset_done(struct addrset *set);

#endif
