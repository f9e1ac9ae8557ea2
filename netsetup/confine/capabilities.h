// SPDX-License-Identifier: GPL-2.0-or-later
// Gives up root's privileges but its user ID and two capabilities.
#ifndef NETSETUP_CONFINE_CAPABILITIES_H
#define NETSETUP_CONFINE_CAPABILITIES_H

#include <stdbool.h>
#include <sys/types.h>

#include "netsetup/base/error.h"

/**
 * capabilities_confine() - give up for good: all capabilities but CAP_NET_ADMIN and CAP_NET_RAW, in
 * all sets; supplementary groups; new privileges by exec; core dumps. Refuses to run with these
 * capabilities for a user other than 0, or set-uid. A process without privileges stays as it is.
 *
 * Return: 0, or a negative errno, after which the process must exit.
 */
int capabilities_confine(struct error *err);

/**
 * capabilities_limit() - give up supplementary groups and all capabilities but CAP_NET_ADMIN and
 * CAP_NET_RAW, for this process and for what it executes.
 * @group: becomes the group of the process.
 *
 * Return: 0, or a negative errno, after which the process must exit.
 */
int capabilities_limit(gid_t group, struct error *err);

/**
 * capabilities_drop_all() - give up for good: all capabilities, in all sets; new privileges by
 * exec; core dumps. The IDs and limits stay.
 *
 * Return: 0, or a negative errno, after which the process must exit.
 */
int capabilities_drop_all(struct error *err);

/* capabilities_sufficient() - true if CAP_NET_ADMIN and CAP_NET_RAW are effective. */
bool capabilities_sufficient(void);

#endif
