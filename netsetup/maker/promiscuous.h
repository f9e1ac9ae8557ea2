// SPDX-License-Identifier: GPL-2.0-or-later
// Makes Wi-Fi promiscuous if its firmware hides ARP requests for the guest.
#ifndef NETSETUP_MAKER_PROMISCUOUS_H
#define NETSETUP_MAKER_PROMISCUOUS_H

#include "netsetup/base/error.h"
#include "netsetup/base/ifname.h"
#include "netsetup/base/modes.h"

/**
 * promiscuous_set() - make the uplink promiscuous, if @mode demands it, until a packet socket is
 * closed: the kernel counts memberships and drops them with their socket (packet(7)).
 * @socket: packet socket on the uplink.
 * @mode: auto: only if its driver is known to answer ARP in firmware.
 *
 * Return: 0 or a negative errno.
 */
int promiscuous_set(int socket, struct interface_id uplink, enum promiscuous_mode mode,
		    struct error *err);

/**
 * promiscuous_driver() - check a driver; true if its firmware answers ARP for the host's own
 * address and hides the requests for others.
 * @driver: its name in sysfs, the last part of /sys/class/net/IF/device/driver.
 */
bool promiscuous_driver(const char *driver);

#endif
