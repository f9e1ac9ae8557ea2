// SPDX-License-Identifier: GPL-2.0-or-later
// A tap that lives as long as its descriptors do.
#ifndef NETSETUP_KERNEL_TAP_H
#define NETSETUP_KERNEL_TAP_H

#include <stdbool.h>

#include "netsetup/base/error.h"

/**
 * tap_open() - create a tap that did not exist, without an address, down.
 * @ifname: its name, ifname_valid().
 * @queues: 1..QUEUES_MAX.
 * @offload: with vnet headers (IFF_VNET_HDR), so that QEMU can use checksum and segment offloads.
 * @fds: one descriptor for each queue, close-on-exec.
 * @err: EBUSY when an interface of this name exists.
 *
 * The tap is not persistent: the kernel removes it, with its routes and sysctls, when the last
 * descriptor is closed, whoever holds it and however it ended (drivers/net/tun.c, tun_detach()).
 *
 * Return: 0 or a negative errno.
 */
int tap_open(const char *ifname, unsigned int queues, bool offload, int *fds, struct error *err);

/**
 * tap_is() - whether a descriptor is a queue of this tap, a non-persistent one of this namespace.
 * @fd: of anything.
 * @ifname: the tap's name.
 */
bool tap_is(int fd, const char *ifname);

#endif
