// SPDX-License-Identifier: GPL-2.0-or-later
// Holds the descriptors that QEMU inherits and vmrun's ends of them.
#ifndef LAUNCHER_RUN_QEMU_FDS_H
#define LAUNCHER_RUN_QEMU_FDS_H

#include <stddef.h>

#include "launcher/common/loop.h"
#include "launcher/common/process.h"
#include "launcher/definition/machine_plan.h"
#include "launcher/devices/private_network.h"
#include "launcher/qemu/qemu_fd.h"
#include "launcher/run/console.h"
#include "launcher/run/log_ring.h"
#include "netsetup/base/error.h"

/**
 * struct qemu_fds - the descriptors of one QEMU.
 * @fds, @fd_count: those that QEMU inherits; @fds[i].source is owned.
 * @qmp: vmrun's end of QMP, or -1.
 * @log: the log of a run that is detached or has its console on a socket, or NULL.
 * @console: NULL unless the console is a socket.
 * @privates: the connections to private networks, each by its index in the list, or NULL.
 */
struct qemu_fds {
	struct process_fd fds[QEMU_FD_END];
	size_t fd_count;
	int qmp;
	struct log_ring *log;
	struct console *console;
	struct private_network *privates[NETWORKS_MAX];
};

#define QEMU_FDS_NONE     \
	{                 \
		.qmp = -1 \
	}

/* qemu_fds_add() - take @source over and pass it to QEMU as its descriptor @target. */
void qemu_fds_add(struct qemu_fds *qemu_fds, int source, int target);

/* qemu_fds_close() - close the descriptors that QEMU inherits, once it has them or on failure. */
void qemu_fds_close(struct qemu_fds *qemu_fds);

/* qemu_fds_add_vhost() - add /dev/vhost-net for each queue of a card; false if that fails. */
bool qemu_fds_add_vhost(struct qemu_fds *qemu_fds, unsigned int card, unsigned int queues);

/**
 * qemu_fds_open() - make QMP's sockets, those of the private networks, the guest agent's, and the
 * console's if it is a socket; open the log of a run without a terminal, which holds the output of
 * the guest and of the run since the last start.
 * @directory: the VM's runtime directory, for the sockets of agent and console.
 * @logged: open the log for every kind of console.
 * @loop: serves the console and the private networks.
 *
 * Return: 0 or a negative errno. A log that cannot be opened is reported and is no error.
 */
int qemu_fds_open(struct qemu_fds *qemu_fds, const struct machine_plan *plan, const char *directory,
		  bool logged, struct loop *loop, struct error *err);

/* qemu_fds_done() - close all descriptors; must be called before the loop is freed. */
void qemu_fds_done(struct qemu_fds *qemu_fds);

#endif
