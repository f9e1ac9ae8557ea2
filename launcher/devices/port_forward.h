// SPDX-License-Identifier: GPL-2.0-or-later
// Checks that QEMU can listen on the ports it forwards.
#ifndef LAUNCHER_DEVICES_PORT_FORWARD_H
#define LAUNCHER_DEVICES_PORT_FORWARD_H

#include "launcher/definition/definition.h"
#include "netsetup/base/error.h"

/**
 * port_forward_check() - check that this user can listen on all ports of a definition now. QEMU's
 * own message does not give the reason.
 * @err: names the port; STATUS_PERMISSION, or STATUS_FAILURE when another program has the port.
 *
 * Return: 0 or a negative errno.
 */
int port_forward_check(const struct definition *definition, struct error *err);

#endif
