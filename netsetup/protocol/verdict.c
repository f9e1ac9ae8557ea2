// SPDX-License-Identifier: GPL-2.0-or-later
// Describes which of the guest's packets the host forwards, and what drops the others.
#include "netsetup/protocol/verdict.h"

#include <netinet/in.h>
/* After netinet/in.h, whose definitions the kernel's headers leave out then. */
#include <linux/netfilter.h>
#include <string.h>

enum verdict_forwarding verdict_judge(const struct verdict *verdict)
{
	const uint8_t *fates = verdict->fates[0];
	const size_t all = sizeof(verdict->fates);
	size_t passed = 0, unknown = 0;

	for (size_t i = 0; i < all; i++) {
		passed += fates[i] == VERDICT_PASSES || fates[i] == VERDICT_TRANSLATED;
		unknown += fates[i] == VERDICT_UNKNOWN;
	}
	if (unknown)
		return FORWARDING_UNKNOWN;
	return passed == all ? FORWARDING_OPEN : passed ? FORWARDING_PARTLY : FORWARDING_CLOSED;
}

static bool name_valid(const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (name[i] <= ' ' || name[i] > '~' || strchr("'\"`\\", name[i]))
			return false;
	return true;
}

static bool text_valid(const char text[NFT_NAME_SIZE])
{
	const size_t length = strnlen(text, NFT_NAME_SIZE);

	return length < NFT_NAME_SIZE && name_valid(text, length);
}

bool verdict_check(const struct verdict *verdict)
{
	const uint8_t *fates = verdict->fates[0];

	for (size_t i = 0; i < sizeof(verdict->fates); i++)
		if (fates[i] >= VERDICT_FATES)
			return false;
	if (verdict->forwarding >= FORWARDING_ALL || verdict->refused > 1 ||
	    verdict->culprit_count > VERDICT_CULPRITS_MAX)
		return false;
	for (size_t i = 0; i < verdict->culprit_count; i++) {
		const struct verdict_culprit *culprit = &verdict->culprits[i];

		if (culprit->owner >= VERDICT_OWNERS || !text_valid(culprit->table) ||
		    !text_valid(culprit->chain) || !text_valid(culprit->base) ||
		    (culprit->family != NFPROTO_IPV4 && culprit->family != NFPROTO_INET))
			return false;
	}
	return true;
}

bool verdict_equal(const struct verdict *a, const struct verdict *b)
{
	return !memcmp(a->fates, b->fates, sizeof(a->fates)) && a->forwarding == b->forwarding &&
	       a->allowed == b->allowed && a->refused == b->refused &&
	       a->culprit_count == b->culprit_count &&
	       !memcmp(a->culprits, b->culprits, a->culprit_count * sizeof(a->culprits[0]));
}

void verdict_name(const char *name, size_t length, char copy[NFT_NAME_SIZE])
{
	memset(copy, 0, NFT_NAME_SIZE);
	if (!name_valid(name, length))
		copy[0] = '?';
	else
		memcpy(copy, name, length < NFT_NAME_SIZE ? length : NFT_NAME_SIZE - 1);
}

const char *verdict_family(const struct verdict_culprit *culprit)
{
	return culprit->family == NFPROTO_IPV4 ? "ip" : "inet";
}
