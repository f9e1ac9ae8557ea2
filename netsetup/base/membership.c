// SPDX-License-Identifier: GPL-2.0-or-later
// Compares the groups of a login with those of the user database.
#include "netsetup/base/membership.h"

#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>

#include "netsetup/base/cleanup.h"

gid_t *membership_groups(uid_t uid, size_t *count)
{
	const struct passwd *user = getpwuid(uid);
	cleanup_free gid_t *groups = calloc(NGROUPS_MAX, sizeof(*groups));
	int found = NGROUPS_MAX;

	*count = 0;
	if (!user || !groups || getgrouplist(user->pw_name, user->pw_gid, groups, &found) < 0)
		return NULL;
	*count = (size_t)found;
	return take_ptr(&groups);
}

bool membership_recorded(uid_t uid, gid_t gid)
{
	size_t count;
	cleanup_free gid_t *groups = membership_groups(uid, &count);

	for (size_t i = 0; i < count; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

void membership_add_remedy(uid_t uid, const char *group, bool recorded, struct error *err)
{
	if (recorded)
		error_remedy(err,
			     "this login is older than its membership in group '%s': log in again",
			     group);
	else
		error_remedy(err,
			     "it is for members of group '%s': sudo usermod -aG %s $USER, then log "
			     "in again",
			     group, group);
	/* The manager of a user's services outlives a login, with the groups of its own start. */
	error_remedy(err, "for 'systemctl --user' also: sudo systemctl restart user@%u",
		     (unsigned int)uid);
}
