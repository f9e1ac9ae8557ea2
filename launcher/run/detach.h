// SPDX-License-Identifier: GPL-2.0-or-later
// Moves a run into the background once it is on the LAN.
#ifndef LAUNCHER_RUN_DETACH_H
#define LAUNCHER_RUN_DETACH_H

#include <netinet/in.h>
#include <stdbool.h>

#include "launcher/common/loop.h"
#include "launcher/common/options.h"
#include "launcher/run/log_ring.h"
#include "netsetup/base/error.h"

/**
 * struct detach - a background run's connection to its parent, for which the user waits.
 * @parent: a socket to it, or -1. It stays open while the run lives, so that the parent sees the
 *          run's end.
 * @output: reading end of the pipe that is standard output and error of the run, QEMU and the
 *          helper. The parent prints its bytes until the VM is on the LAN, then they go to @log.
 * @terminal: true if the parent prints to a terminal.
 * @loop: watches @parent and @output.
 */
struct detach {
	int parent;
	int output;
	struct log_ring *log;
	bool terminal;
	struct loop *loop;
};

/**
 * detach_start() - fork; the child goes on in its own session and without standard input.
 * @detach: set in the child.
 * @wait: the event that the parent waits for.
 * @status: set in the parent, which must exit with it at once.
 *
 * The parent prints the child's messages to standard error until detach_ready().
 *
 * Return: 1 in the parent, 0 in the child, or a negative errno.
 */
int detach_start(struct detach *detach, enum wait_for wait, int *status, struct error *err);

/**
 * detach_ready() - report to the parent that the VM is on the LAN, so that it may exit. All output
 * goes to the log from now on. Does nothing without a parent.
 * @detach: of detach_start().
 * @ssh: the address of the guest's SSH server, or all zero if it has none.
 * @log: the log; may be NULL; must outlive @detach.
 * @loop: watches the output.
 */
void detach_ready(struct detach *detach, const struct sockaddr_in *ssh, struct log_ring *log,
		  struct loop *loop);

#endif
