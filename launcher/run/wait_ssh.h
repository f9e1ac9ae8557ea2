// SPDX-License-Identifier: GPL-2.0-or-later
// Waits until a guest's SSH server answers.
#ifndef LAUNCHER_RUN_WAIT_SSH_H
#define LAUNCHER_RUN_WAIT_SSH_H

#include <netinet/in.h>
#include <stdbool.h>

#include "netsetup/base/error.h"

/**
 * wait_ssh() - wait until a guest's SSH server sends its identification, its first bytes (RFC 4253,
 * section 4.2). An accepted connection is no proof: QEMU accepts those to forwarded ports.
 * @ssh: the server's address.
 * @alive: descriptor that is readable or closed by its peer once the VM has ended, or NULL.
 *
 * A signal that ends programs (they must be blocked) ends the wait.
 *
 * Return: 0, -EINTR at a signal, -ECONNRESET if the VM has ended, or another negative errno.
 */
int wait_ssh(const struct sockaddr_in *ssh, const int *alive, struct error *err);

#endif
