// SPDX-License-Identifier: GPL-2.0-or-later
// Keeps a set of IPv4 addresses for many lookups.
#ifndef NETSETUP_BASE_ADDRESS_SET_H
#define NETSETUP_BASE_ADDRESS_SET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

/**
 * struct address_set - a set of addresses. All zero is the empty set.
 * @failed: true if memory ran out. The caller must check it after the last address_set_add().
 */
struct address_set {
	struct in_addr *addresses;
	size_t count;
	size_t capacity;
	bool sorted;
	bool failed;
};

void address_set_add(struct address_set *set, struct in_addr address);
bool address_set_has(struct address_set *set, struct in_addr address);
void address_set_done(struct address_set *set);

#endif
