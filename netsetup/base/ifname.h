// SPDX-License-Identifier: GPL-2.0-or-later
// Checks names of network interfaces and derives the name of a VM's tap.
#ifndef NETSETUP_BASE_IFNAME_H
#define NETSETUP_BASE_IFNAME_H

#include <net/if.h>
#include <stdbool.h>
#include <sys/types.h>

#include "netsetup/base/vm_name.h"

#define TAP_PREFIX "vmr-"

/*
 * Marks our routes, rules and proxy entries: 'ip route show table all proto 118', 'ip rule show
 * protocol 118', 'ip neigh show proxy proto 118'.
 */
#define ROUTES_PROTOCOL 118

/*
 * The routing tables of all guests and of a tap. The index makes that one unique, and no other
 * program is known to use such numbers: names of rt_tables(5) and most programs stay below 10000;
 * systemd-networkd's VRFs and wg-quick (51820 and up) are far off, and Tailscale has 52.
 */
#define GUEST_TABLE            117000000u
#define TAP_TABLE_BASE         118000000u
#define TAP_TABLE(tap_ifindex) (TAP_TABLE_BASE + (tap_ifindex))

/* An interface: the name is for messages, the index for the kernel. */
struct interface_id {
	const char *ifname;
	unsigned int ifindex;
};

/**
 * ifname_valid() - true if the kernel accepts the name (dev_valid_name() in net/core/dev.c) and the
 * name is safe in a path of /proc/sys and on a printed line. It must have 1 to 15 visible ASCII
 * characters without '/', ':', '%', quote or backslash. "." and ".." are invalid; so are "all" and
 * "default", which are directories of /proc/sys/net/ipv4/conf. It may lack its NUL.
 */
bool ifname_valid(const char *ifname);

/**
 * ifname_of_tap() - write the name of a VM's tap: "vmr-NAME" for card 0 of a VM of user 0. If that
 * exceeds 15 characters, for other users and for other cards, it is "vmr-", the first four of NAME,
 * "-" and six hexadecimal digits of the digest of owner, NAME and card.
 * @owner: user ID of the VM's user.
 * @name: must be a valid VM name.
 * @card: number of the card, at most 255.
 */
void ifname_of_tap(uid_t owner, const char *name, unsigned int card, char ifname[IFNAMSIZ]);

#endif
