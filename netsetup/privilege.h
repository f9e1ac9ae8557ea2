// SPDX-License-Identifier: GPL-2.0-or-later
// What netsetup keeps of root: two capabilities.
#ifndef NETSETUP_PRIVILEGE_H
#define NETSETUP_PRIVILEGE_H

#include <stdbool.h>

#include "netsetup/error.h"

/**
 * privilege_confine() - give up everything but CAP_NET_ADMIN and CAP_NET_RAW, for good: bounding,
 * inheritable and ambient sets, supplementary groups, new privileges by exec, core dumps.
 * @err: the error.
 *
 * Return: 0; or a negative errno, after which the process must not go on.
 */
int privilege_confine(struct error *err);

/* privilege_sufficient() - whether both capabilities are there. */
bool privilege_sufficient(void);

#endif
