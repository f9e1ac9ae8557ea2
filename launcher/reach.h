// SPDX-License-Identifier: GPL-2.0-or-later
// Waits until a guest answers on a TCP port.
#ifndef LAUNCHER_REACH_H
#define LAUNCHER_REACH_H

#include <netinet/in.h>
#include <stdbool.h>

#include "netsetup/error.h"

#define SSH_PORT 22

/**
 * reach_port() - wait until a guest accepts connections.
 * @address: the guest's.
 * @port: TCP port.
 * @alive: descriptor whose end tells that the VM has ended, or NULL.
 * @err: the error.
 *
 * A signal that ends programs (they are blocked here) ends the wait.
 *
 * Return: 0, -EINTR at a signal, -ECONNRESET when the VM has ended, or another negative errno.
 */
int reach_port(struct in_addr address, unsigned int port, const int *alive, struct error *err);

#endif
