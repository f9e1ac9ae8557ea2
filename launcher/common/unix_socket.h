// SPDX-License-Identifier: GPL-2.0-or-later
// Makes and uses the Unix sockets in a VM's runtime directory.
#ifndef LAUNCHER_COMMON_UNIX_SOCKET_H
#define LAUNCHER_COMMON_UNIX_SOCKET_H

#include "netsetup/base/error.h"

/**
 * unix_socket_listen() - make a listening socket; replace the stale one of a run that died.
 * @directory: the VM's runtime directory, locked by the caller.
 *
 * Return: the socket, non-blocking and close-on-exec, or a negative errno.
 */
int unix_socket_listen(const char *directory, const char *name, struct error *err);

/**
 * unix_socket_connect() - connect to a socket of a running VM, waiting at most some seconds.
 * @directory: the VM's runtime directory.
 *
 * Return: the socket, close-on-exec; -ETIMEDOUT if the VM's process accepts no connection; or
 * another negative errno.
 */
int unix_socket_connect(const char *directory, const char *name, struct error *err);

/**
 * unix_socket_accept() - accept a connection of this user or root. The directory's mode keeps other
 * users out; SO_PEERCRED refuses them a second time.
 * @listener: from unix_socket_listen().
 *
 * Return: the socket, non-blocking and close-on-exec, or -1.
 */
int unix_socket_accept(int listener);

#endif
