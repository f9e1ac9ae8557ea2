// SPDX-License-Identifier: GPL-2.0-or-later
// Wi-Fi whose firmware answers ARP itself: only a promiscuous interface hears requests for a guest.
#ifndef NETSETUP_HOST_PROMISCUOUS_H
#define NETSETUP_HOST_PROMISCUOUS_H

#include "netsetup/base/error.h"
#include "netsetup/kernel/uplink.h"
#include "netsetup/protocol/protocol.h"

/**
 * promiscuous_set() - make the uplink promiscuous, if that is wanted, for as long as a packet socket
 * is open: the kernel counts memberships and drops them with their socket (packet(7)).
 * @socket: packet socket on the uplink.
 * @uplink: the uplink.
 * @mode: auto: when its driver is known to answer ARP in firmware.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int promiscuous_set(int socket, const struct uplink *uplink, enum promiscuous_mode mode,
		    struct error *err);

/**
 * promiscuous_driver() - whether a driver is one whose firmware answers ARP for the host's own
 * address and hides the requests for others.
 * @driver: as sysfs names it, the last part of /sys/class/net/IF/device/driver.
 */
bool promiscuous_driver(const char *driver);

#endif
