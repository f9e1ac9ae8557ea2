// SPDX-License-Identifier: GPL-2.0-or-later
// Creates and verifies taps, which vanish with their last descriptor.
#ifndef NETSETUP_KERNEL_TAP_H
#define NETSETUP_KERNEL_TAP_H

#include <stdbool.h>

#include "netsetup/base/error.h"

/**
 * tap_open() - create a new tap, down and without an address.
 * @ifname: must be ifname_valid().
 * @queues: 1..QUEUES_MAX.
 * @offload: with vnet headers (IFF_VNET_HDR), for QEMU's checksum and segment offloads.
 * @fds: one close-on-exec descriptor for each queue, owned by the caller.
 *
 * The tap is not persistent: when its last descriptor is closed in any process, for any reason, the
 * kernel removes it with its routes and sysctls (drivers/net/tun.c, tun_detach()).
 *
 * It is root's, so that nobody else adds a queue. One that was added before is among the queues of
 * query_link().
 *
 * Return: 0, -EBUSY if an interface of this name exists, or another negative errno.
 */
int tap_open(const char *ifname, unsigned int queues, bool offload, int *fds, struct error *err);

#endif
