// SPDX-License-Identifier: GPL-2.0-or-later
// The guest's serial console for any number of readers that come and go, and for the log.
#ifndef LAUNCHER_RUN_CONSOLE_H
#define LAUNCHER_RUN_CONSOLE_H

#include "launcher/common/loop.h"
#include "netsetup/base/error.h"

/* The name of the socket in the VM's runtime directory. */
#define CONSOLE_SOCKET_NAME "console"

struct console;

/**
 * console_open() - listen for readers.
 * @loop: calls us.
 * @directory: the VM's runtime directory.
 * @log: descriptor that gets all that the guest writes, or -1; stays the caller's.
 * @qemu: QEMU's end of the console, to be handed over and closed by the caller.
 * @err: the error.
 *
 * Who connects gets the last 8 KiB that the guest wrote, and all that follows; what anyone
 * writes is typed into the console. A reader that does not keep up loses output.
 *
 * Return: the hub, to be closed with console_close(), or NULL.
 */
struct console *console_open(struct loop *loop, const char *directory, int log, int *qemu,
			     struct error *err);

/* console_close() - all readers see the end; legal for NULL. */
void console_close(struct console *console);

#endif
