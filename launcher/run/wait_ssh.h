// SPDX-License-Identifier: GPL-2.0-or-later
// Waits until a guest's SSH server answers.
#ifndef LAUNCHER_RUN_WAIT_SSH_H
#define LAUNCHER_RUN_WAIT_SSH_H

#include <netinet/in.h>
#include <stdbool.h>

#include "netsetup/base/error.h"

/**
 * struct wait_ssh - a wait for an SSH server.
 * @ssh: the server's address.
 * @vm: descriptor that is readable or closed by its peer once the VM has ended, or -1.
 * @timeout: seconds after which the wait fails, or negative for no limit.
 * @tick: called once a second, may be NULL; @seconds since the start; @reason: why the server has
 *        not answered yet. A negative errno with a filled @err ends the wait.
 * @context: passed to @tick.
 */
struct wait_ssh {
	struct sockaddr_in ssh;
	int vm;
	int timeout;
	int (*tick)(unsigned int seconds, const char *reason, void *context, struct error *err);
	void *context;
};

/**
 * wait_ssh() - wait until a guest's SSH server sends its identification, its first bytes (RFC 4253,
 * section 4.2). An accepted connection is no proof: QEMU accepts those to forwarded ports. A
 * connection that stays silent is kept while others are tried.
 *
 * A signal that ends programs (they must be blocked) ends the wait.
 *
 * Return: 0, -EINTR at a signal, -ECONNRESET if the VM has ended, -ETIMEDOUT, or another negative
 *         errno.
 */
int wait_ssh(const struct wait_ssh *wait, struct error *err);

#endif
