// SPDX-License-Identifier: GPL-2.0-or-later
// Starts QEMU as a child, with its signals, descriptors and terminal.
#ifndef LAUNCHER_QEMU_QEMU_PROCESS_H
#define LAUNCHER_QEMU_QEMU_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "launcher/common/argv.h"
#include "launcher/common/process.h"
#include "netsetup/base/error.h"

/**
 * struct qemu_process_config - command and descriptors of QEMU.
 * @argv: from qemu_build().
 * @fds, @fd_count: the descriptors that become those of enum qemu_fd.
 * @directory: the definition's: relative paths in qemu.args start from it. NULL: that of vmrun.
 * @confinement: its limits; NULL for a QEMU without a guest.
 * @stdio: true if the console is standard input and output; else standard input is /dev/null.
 */
struct qemu_process_config {
	const struct argv *argv;
	const struct process_fd *fds;
	size_t fd_count;
	const char *directory;
	const struct confinement *confinement;
	bool stdio;
};

/**
 * qemu_process_start() - start QEMU so that only its supervisor ends it.
 * @qemu: the child.
 * @err: the remedy names the Debian package if QEMU is missing.
 *
 * SIGTERM and SIGHUP are blocked: timeout(1), systemd or a closed terminal sends them to the whole
 * process group or scope, and the guest must keep running while vmrun powers it off gracefully.
 * The kernel sends QEMU SIGINT when vmrun dies: QEMU closes its disks and quits.
 * If standard input is not a terminal, QEMU has a session of its own, so that Ctrl-C on another
 * descriptor's terminal does not reach it.
 *
 * Return: 0 or a negative errno.
 */
int qemu_process_start(const struct qemu_process_config *config, struct process *qemu,
		       struct error *err);

#endif
