// SPDX-License-Identifier: GPL-2.0-or-later
// Waits until a guest's SSH server answers.
#ifndef LAUNCHER_RUN_WAIT_SSH_H
#define LAUNCHER_RUN_WAIT_SSH_H

#include <netinet/in.h>
#include <stdbool.h>

#include "netsetup/base/error.h"

/**
 * reach_ssh() - wait until a guest's SSH server says who it is, which it does first (RFC 4253,
 * section 4.2): that a connection is accepted says nothing when it is QEMU that accepts it.
 * @ssh: where the server is.
 * @alive: descriptor whose end tells that the VM has ended, or NULL.
 * @err: the error.
 *
 * A signal that ends programs (they are blocked here) ends the wait.
 *
 * Return: 0, -EINTR at a signal, -ECONNRESET when the VM has ended, or another negative errno.
 */
int reach_ssh(const struct sockaddr_in *ssh, const int *alive, struct error *err);

#endif
