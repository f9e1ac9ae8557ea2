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
 * struct channels - of one QEMU.
 * @fds, @fd_count: what QEMU inherits; @fds[i].source is ours to close.
 * @qmp: our end of QMP, or -1.
 * @log: descriptor of the log of a run whose console is a socket, or -1.
 * @hub: its console, or NULL.
 */
struct channels {
	struct process_fd fds[QEMU_FD_END];
	size_t fd_count;
	int qmp;
	int log;
	struct hub *hub;
};

#define CHANNELS_NONE                \
	{                            \
		.qmp = -1, .log = -1 \
	}

/* channels_give() - QEMU is to get @source, which is taken over, as its descriptor @target. */
void channels_give(struct channels *channels, int source, int target);

/* channels_given() - QEMU has them, or never will: close what it inherits. */
void channels_given(struct channels *channels);

/* channels_give_vhost() - /dev/vhost-net for each of the tap's queues; false when it is not to be had. */
bool channels_give_vhost(struct channels *channels, unsigned int queues);

/**
 * channels_open() - make QMP's sockets, and the console's when it is a socket; open the log of a
 * run that nobody sits before: "log" in the VM's state directory has what the guest and the run
 * say since the last start.
 * @channels: the channels.
 * @plan: the VM.
 * @directory: of the running VM, where the console's socket is.
 * @logged: the log is wanted, whatever the console.
 * @loop: serves the console.
 * @err: the error.
 *
 * Return: 0 or a negative errno. That there can be no log is only told.
 */
int channels_open(struct channels *channels, const struct machine_plan *plan, const char *directory,
		  bool logged, struct loop *loop, struct error *err);

/* channels_done() - close all; before the loop is freed. */
void channels_done(struct channels *channels);

#endif
