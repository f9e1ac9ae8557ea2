// SPDX-License-Identifier: GPL-2.0-or-later
// Checks names of network interfaces and derives the name of a VM's tap.
#ifndef NETSETUP_BASE_IFNAME_H
#define NETSETUP_BASE_IFNAME_H

#include <net/if.h>
#include <stdbool.h>

#include "netsetup/base/vm_name.h"

#define TAP_PREFIX "vmr-"

/**
 * ifname_valid() - true if the kernel accepts the name (dev_valid_name() in net/core/dev.c) and the
 * name is safe in a path of /proc/sys and on a printed line. It must have 1 to 15 visible ASCII
 * characters without '/', ':', '%', quote or backslash. "." and ".." are invalid; so are "all" and
 * "default", which are directories of /proc/sys/net/ipv4/conf. It may lack its NUL.
 */
bool ifname_valid(const char *ifname);

/**
 * ifname_of_tap() - write the name of a VM's tap: "vmr-NAME", or if that exceeds 15 characters
 * "vmr-", the first four of NAME, "-" and six hexadecimal digits of NAME's digest.
 * @name: must be a valid VM name.
 */
void ifname_of_tap(const char *name, char ifname[IFNAMSIZ]);

#endif
