// SPDX-License-Identifier: GPL-2.0-or-later
// Gives up root's privileges but its user ID and two capabilities.
#ifndef NETSETUP_CONFINE_CAPABILITIES_H
#define NETSETUP_CONFINE_CAPABILITIES_H

#include <stdbool.h>

#include "netsetup/base/error.h"

/**
 * capabilities_confine() - become user 0 with all IDs and give up for good: all capabilities but
 * CAP_NET_ADMIN and CAP_NET_RAW, in all sets; supplementary groups; new privileges by exec; core
 * dumps. Raises the resource limits that the client may have set.
 *
 * A helper that is set-uid or has file capabilities starts with the client's real user ID, so until
 * this call the client may send it signals. A helper without privileges stays as it is.
 *
 * Return: 0, or a negative errno, after which the process must exit.
 */
int capabilities_confine(struct error *err);

/* capabilities_sufficient() - true if CAP_NET_ADMIN and CAP_NET_RAW are effective. */
bool capabilities_sufficient(void);

#endif
