// SPDX-License-Identifier: GPL-2.0-or-later
// Checks names of network interfaces and derives the name of a VM's tap.
#include "netsetup/base/ifname.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <uuid/uuid.h>

bool ifname_valid(const char *ifname)
{
	size_t length = strnlen(ifname, IFNAMSIZ);

	if (length == 0 || length >= IFNAMSIZ)
		return false;
	if (!strcmp(ifname, ".") || !strcmp(ifname, "..") || !strcmp(ifname, "all") ||
	    !strcmp(ifname, "default"))
		return false;
	for (size_t i = 0; i < length; i++)
		if (ifname[i] <= ' ' || ifname[i] > '~' || strchr("/:%'\"`\\", ifname[i]))
			return false;
	return true;
}

/*
 * Two users may have VMs of one name: only user 0, which needs no permission, gets the plain one.
 */
void ifname_of_tap(uid_t owner, const char *name, unsigned int card, char ifname[IFNAMSIZ])
{
	char text[VM_NAME_SIZE + sizeof("4294967295//255")];
	uuid_t digest;

	assert(vm_name_valid(name) && card < 256);

	if (owner == 0 && card == 0 && strlen(name) < IFNAMSIZ - strlen(TAP_PREFIX)) {
		snprintf(ifname, IFNAMSIZ, TAP_PREFIX "%.11s", name);
		return;
	}
	/* A name has no '/', so no two cards have one text. */
	if (card == 0)
		snprintf(text, sizeof(text), "%u/%s", (unsigned int)owner, name);
	else
		snprintf(text, sizeof(text), "%u/%s/%u", (unsigned int)owner, name, card);
	uuid_generate_sha1(digest, *uuid_get_template("dns"), text, strlen(text));
	snprintf(ifname, IFNAMSIZ, TAP_PREFIX "%.4s-%02x%02x%02x", name, digest[0], digest[1],
		 digest[2]);
}
