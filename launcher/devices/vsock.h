// SPDX-License-Identifier: GPL-2.0-or-later
// Sockets between the host and a guest without a network: vsock(7).
#ifndef LAUNCHER_DEVICES_VSOCK_H
#define LAUNCHER_DEVICES_VSOCK_H

#include "launcher/definition/definition.h"

/**
 * vsock_open() - take the guest's number on this host, for QEMU.
 * @definition: a VM with vsock.
 * @device: the host's, /dev/vhost-vsock.
 * @err: that there is none, or that another VM has the number.
 *
 * Return: a descriptor, or a negative errno.
 */
int vsock_open(const struct definition *definition, const char *device, struct error *err);

#endif
