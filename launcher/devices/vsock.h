// SPDX-License-Identifier: GPL-2.0-or-later
// Opens vhost-vsock, the host's side of a guest's vsock(7) sockets.
#ifndef LAUNCHER_DEVICES_VSOCK_H
#define LAUNCHER_DEVICES_VSOCK_H

#include "launcher/definition/definition.h"

/**
 * vsock_open() - open the device for QEMU and take the guest's number (CID) on this host.
 * @definition: a VM with vsock.
 * @device: /dev/vhost-vsock.
 * @err: EADDRINUSE if another VM has the number.
 *
 * Return: a descriptor, or a negative errno.
 */
int vsock_open(const struct definition *definition, const char *device, struct error *err);

#endif
