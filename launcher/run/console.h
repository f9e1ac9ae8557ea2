// SPDX-License-Identifier: GPL-2.0-or-later
// Connects the guest's serial console to clients and to the log.
#ifndef LAUNCHER_RUN_CONSOLE_H
#define LAUNCHER_RUN_CONSOLE_H

#include "launcher/common/loop.h"
#include "launcher/run/log_ring.h"
#include "netsetup/base/error.h"

/* The name of the socket in the VM's runtime directory. */
#define CONSOLE_SOCKET_NAME "console"

struct console;

/**
 * console_open() - listen for clients.
 * @directory: the VM's runtime directory.
 * @log: receives all output of the guest; may be NULL; must outlive the console.
 * @qemu: QEMU's end of the console; the caller passes it to QEMU and closes it.
 *
 * A client receives the last 8 KiB of the guest's output and all that follows; the bytes that a
 * client sends are typed into the console. A client that reads too slowly loses output.
 *
 * Return: to be closed with console_close(), or NULL.
 */
struct console *console_open(struct loop *loop, const char *directory, struct log_ring *log,
			     int *qemu, struct error *err);

/* console_close() - disconnect all clients; may be NULL. */
void console_close(struct console *console);

#endif
