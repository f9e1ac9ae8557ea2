// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the process that uses a port of this host.
#ifndef LAUNCHER_DEVICES_PORT_USER_H
#define LAUNCHER_DEVICES_PORT_USER_H

#include "launcher/definition/type_port.h"

/* Size of the text with the terminating NUL. */
#define PORT_USER_TEXT_SIZE 128

/**
 * port_user_find() - find the socket on a port, and its process if that is of this user.
 * @text: "'nginx' (pid 4711)", "a process of user ID 0", or "another process"; safe for a terminal.
 *
 * It reads /proc/net/tcp and its like (proc_net(5)), and the descriptors of the user's processes.
 */
void port_user_find(const struct port *port, char text[PORT_USER_TEXT_SIZE]);

#endif
