// SPDX-License-Identifier: GPL-2.0-or-later
// Names of network interfaces and of the tap that a VM gets.
#ifndef NETSETUP_BASE_IFNAME_H
#define NETSETUP_BASE_IFNAME_H

#include <net/if.h>
#include <stdbool.h>

#include "netsetup/base/vm_name.h"

#define TAP_PREFIX "vmr-"

/**
 * ifname_valid() - whether the kernel takes the text as an interface's name (dev_valid_name() in
 * net/core/dev.c) and it is safe in a path of /proc/sys and on a printed line: 1 to 15 visible
 * ASCII characters, no '/', ':', '%', quote or backslash; not "." or ".."; nor "all" or "default", which
 * are directories of /proc/sys/net/ipv4/conf.
 */
bool ifname_valid(const char *ifname);

/**
 * tap_name() - the name of a VM's tap: "vmr-NAME", and for a name that does not fit into 15
 * characters "vmr-" + its first four + "-" + six hexadecimal digits derived from the whole name.
 * @name: a valid VM name.
 * @ifname: the tap's name.
 */
void tap_name(const char *name, char ifname[IFNAMSIZ]);

#endif
