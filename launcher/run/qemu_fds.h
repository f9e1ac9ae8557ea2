// SPDX-License-Identifier: GPL-2.0-or-later
// What leads from vmrun to its QEMU: the descriptors that QEMU inherits, and vmrun's ends of them.
#ifndef LAUNCHER_RUN_QEMU_FDS_H
#define LAUNCHER_RUN_QEMU_FDS_H

#include <stddef.h>

#include "launcher/common/loop.h"
#include "launcher/common/process.h"
#include "launcher/definition/machine_plan.h"
#include "launcher/qemu/qemu_fd.h"
#include "launcher/run/console.h"
#include "netsetup/base/error.h"

/**
 * struct qemu_fds - of one QEMU.
 * @fds, @fd_count: what QEMU inherits; @fds[i].source is ours to close.
 * @qmp: our end of QMP, or -1.
 * @log: descriptor of the log of a run whose console is a socket, or -1.
 * @console: its console, or NULL.
 */
struct qemu_fds {
	struct process_fd fds[QEMU_FD_END];
	size_t fd_count;
	int qmp;
	int log;
	struct console *console;
};

#define QEMU_FDS_NONE                \
	{                            \
		.qmp = -1, .log = -1 \
	}

/* qemu_fds_add() - QEMU is to get @source, which is taken over, as its descriptor @target. */
void qemu_fds_add(struct qemu_fds *qemu_fds, int source, int target);

/* qemu_fds_close() - QEMU has them, or never will: close what it inherits. */
void qemu_fds_close(struct qemu_fds *qemu_fds);

/* qemu_fds_add_vhost() - /dev/vhost-net for each of the tap's queues; false when it is not to be had. */
bool qemu_fds_add_vhost(struct qemu_fds *qemu_fds, unsigned int queues);

/**
 * qemu_fds_open() - make QMP's sockets, and the console's when it is a socket; open the log of a
 * run that nobody sits before: "log" in the VM's state directory has what the guest and the run
 * say since the last start.
 * @qemu_fds: the channels.
 * @plan: the VM.
 * @directory: of the running VM, where the console's socket is.
 * @logged: the log is wanted, whatever the console.
 * @loop: serves the console.
 * @err: the error.
 *
 * Return: 0 or a negative errno. That there can be no log is only told.
 */
int qemu_fds_open(struct qemu_fds *qemu_fds, const struct machine_plan *plan, const char *directory,
		  bool logged, struct loop *loop, struct error *err);

/* qemu_fds_done() - close all; before the loop is freed. */
void qemu_fds_done(struct qemu_fds *qemu_fds);

#endif
