// SPDX-License-Identifier: GPL-2.0-or-later
// What netsetup keeps of root: its user ID and two capabilities.
#ifndef NETSETUP_CONFINE_CAPABILITIES_H
#define NETSETUP_CONFINE_CAPABILITIES_H

#include <stdbool.h>

#include "netsetup/base/error.h"

/**
 * capabilities_confine() - become user 0 entirely, and give up everything but CAP_NET_ADMIN and
 * CAP_NET_RAW, for good: other capabilities in all sets, supplementary groups, new privileges by exec, core
 * dumps. Limits of resources that whoever started this process may have set are lifted.
 * @err: the error.
 *
 * A helper that is set-uid or has file capabilities starts with the real user ID of who started it,
 * and so could be sent signals by them, until here. One without any privilege stays as it is.
 *
 * Return: 0; or a negative errno, after which the process must not go on.
 */
int capabilities_confine(struct error *err);

/* capabilities_sufficient() - whether both capabilities are there. */
bool capabilities_sufficient(void);

#endif
