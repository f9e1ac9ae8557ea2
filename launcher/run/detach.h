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
#include "netsetup/base/vm_name.h"

/**
 * struct detach_ready - the message of a background run to its parent when the VM is on the LAN.
 * @name: the VM's.
 * @ssh: the address of the guest's SSH server, or all zero if it has none.
 */
struct detach_ready {
	char name[VM_NAME_SIZE];
	struct sockaddr_in ssh;
};

/**
 * struct detach - a background run's connection to its parent, for which the user waits.
 * @parent: a socket to it, or -1.
 * @output: reading end of the pipe that is standard output and error of the run, QEMU and
 *          vmrun-netsetup. The parent prints its bytes until the VM is on the LAN, then they go to
 *          @log.
 * @terminal: true if the parent prints to a terminal.
 * @loop: watches @parent and @output.
 * @ready: set in the parent if it must wait for the guest's SSH server, else empty.
 */
struct detach {
	int parent;
	int output;
	struct log_ring *log;
	bool terminal;
	struct loop *loop;
	struct detach_ready ready;
};

/**
 * detach_start() - fork; the child goes on in its own session and without standard input.
 * @wait: the event that the parent waits for.
 * @status: set in the parent, which must exit with it at once if 1 is returned.
 *
 * The parent prints the child's messages to standard error until detach_report().
 *
 * Return: 1 in the parent, or 0 with @detach->ready if it must wait for the SSH server; 0 in the
 *         child; or a negative errno.
 */
int detach_start(struct detach *detach, enum wait_for wait, int *status, struct error *err);

/**
 * detach_report() - report to the parent that the VM is on the LAN, so that it may exit. All output
 * goes to the log from now on. Does nothing without a parent.
 * @detach: of detach_start().
 * @log: the log; may be NULL; must outlive @detach.
 * @loop: watches the output.
 */
void detach_report(struct detach *detach, const struct detach_ready *ready, struct log_ring *log,
		   struct loop *loop);

#endif
