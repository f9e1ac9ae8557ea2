// SPDX-License-Identifier: GPL-2.0-or-later
// Compares the groups of a login with those of the user database.
#ifndef NETSETUP_BASE_MEMBERSHIP_H
#define NETSETUP_BASE_MEMBERSHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "netsetup/base/error.h"

/**
 * membership_groups() - return the groups that a login of a user would have now. A process keeps
 * those of its login.
 * @count: their number.
 *
 * Return: allocated, the caller frees it; or NULL if the user is unknown or has too many groups.
 */
gid_t *membership_groups(uid_t uid, size_t *count);

/* membership_recorded() - true if a login of user @uid would be a member of group @gid now. */
bool membership_recorded(uid_t uid, gid_t gid);

/**
 * membership_add_remedy() - add the remedy for a process that lacks a group.
 * @group: the group's name.
 * @recorded: the user database has the membership: only the login is older.
 */
void membership_add_remedy(uid_t uid, const char *group, bool recorded, struct error *err);

#endif
