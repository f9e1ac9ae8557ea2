// SPDX-License-Identifier: GPL-2.0-or-later
// A run that goes on in the background once the VM is on the LAN.
#ifndef LAUNCHER_RUN_DETACH_H
#define LAUNCHER_RUN_DETACH_H

#include <netinet/in.h>
#include <stdbool.h>

#include "launcher/common/loop.h"
#include "launcher/common/options.h"
#include "netsetup/base/error.h"

/**
 * struct detach - a run's way to the process that the user waits for.
 * @parent: a socket to it, or -1. It stays open for as long as the run lives, so that its end can
 *          be seen.
 * @output: what the run, QEMU and the helper write, which have a pipe as standard output and error:
 *          the user's until the VM is on the LAN, the log's from then on.
 * @log: the log.
 * @loop: watches these.
 */
struct detach {
	int parent;
	int output;
	int log;
	struct loop *loop;
};

/**
 * detach_start() - go on in a child, in a session of its own and without standard input.
 * @detach: the child's way back.
 * @wait: what the parent waits for.
 * @status: in the parent: the exit status to end with at once.
 * @err: the error.
 *
 * Messages go to standard error until detach_ready().
 *
 * Return: 1 in the parent, 0 in the child, or a negative errno.
 */
int detach_start(struct detach *detach, enum wait_for wait, int *status, struct error *err);

/**
 * detach_ready() - the VM is on the LAN: the parent may end. What is written goes to the log from
 * now on. Does nothing when there is no parent that waits.
 * @detach: of detach_start().
 * @ssh: where the guest's SSH server will be, or all zero when there is no way to it.
 * @log: the descriptor of the log, or -1.
 * @loop: watches what is written.
 */
void detach_ready(struct detach *detach, const struct sockaddr_in *ssh, int log, struct loop *loop);

#endif
