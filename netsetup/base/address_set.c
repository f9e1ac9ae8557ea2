// SPDX-License-Identifier: GPL-2.0-or-later
// Keeps a set of IPv4 addresses for many lookups.
#include "netsetup/base/address_set.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
	/* Every total order serves qsort() and bsearch(). */
	return memcmp(a, b, sizeof(struct in_addr));
}

void address_set_add(struct address_set *set, struct in_addr address)
{
	if (set->count == set->capacity) {
		size_t capacity = set->capacity ? set->capacity * 2 : 64;
		struct in_addr *larger;

		larger = reallocarray(set->addresses, capacity, sizeof(*larger));
		if (!larger) {
			set->failed = true;
			return;
		}
		set->addresses = larger;
		set->capacity = capacity;
	}
	set->addresses[set->count++] = address;
	set->sorted = false;
}

bool address_set_has(struct address_set *set, struct in_addr address)
{
	if (set->count == 0)
		return false;
	if (!set->sorted)
		qsort(set->addresses, set->count, sizeof(*set->addresses), compare);
	set->sorted = true;
	return bsearch(&address, set->addresses, set->count, sizeof(address), compare) != NULL;
}

void address_set_done(struct address_set *set)
{
	free(set->addresses);
	memset(set, 0, sizeof(*set));
}
