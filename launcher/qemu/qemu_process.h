// SPDX-License-Identifier: GPL-2.0-or-later
// QEMU as a child: which signals and which terminal it has.
#ifndef LAUNCHER_QEMU_QEMU_PROCESS_H
#define LAUNCHER_QEMU_QEMU_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "launcher/common/argv.h"
#include "launcher/common/process.h"
#include "netsetup/base/error.h"

/**
 * struct qemu_process_config - what QEMU is started with.
 * @argv: from qemu_build().
 * @fds, @fd_count: where enum qemu_fd's descriptors come from.
 * @stdio: its console is standard input and output; else it gets /dev/null as standard input.
 */
struct qemu_process_config {
	const struct argv *argv;
	const struct process_fd *fds;
	size_t fd_count;
	bool stdio;
};

/**
 * qemu_process_start() - start QEMU so that only its supervisor ends it.
 * @config: see there.
 * @qemu: the child.
 * @err: with the Debian package as remedy when it is missing.
 *
 * SIGTERM and SIGHUP are blocked: whoever sends them to the whole process group or scope (timeout,
 * systemd, a terminal that is closed) must not cut the guest off while vmrun powers it off
 * gracefully. SIGINT is the signal for the death of vmrun: QEMU closes its disks on it and quits.
 * When standard input is not a terminal, QEMU has a session of its own, so that Ctrl-C on
 * another descriptor's terminal does not reach it.
 *
 * Return: 0 or a negative errno.
 */
int qemu_process_start(const struct qemu_process_config *config, struct process *qemu,
		       struct error *err);

#endif
