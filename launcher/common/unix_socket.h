// SPDX-License-Identifier: GPL-2.0-or-later
// Unix sockets in a VM's runtime directory, by which the user's other commands reach it.
#ifndef LAUNCHER_COMMON_UNIX_SOCKET_H
#define LAUNCHER_COMMON_UNIX_SOCKET_H

#include "netsetup/base/error.h"

/**
 * unix_socket_listen() - make a listening socket; one that is there was left by a run that died.
 * @directory: the VM's own, locked by the caller.
 * @name: of the socket in it.
 * @err: the error.
 *
 * Return: the socket, non-blocking and close-on-exec, or a negative errno.
 */
int unix_socket_listen(const char *directory, const char *name, struct error *err);

/**
 * unix_socket_connect() - connect to a socket of a running VM; waits for some seconds at most.
 * @directory: the VM's.
 * @name: of the socket in it.
 * @err: the error.
 *
 * Return: the socket, close-on-exec; -ETIMEDOUT when nobody takes the connection; or another
 * negative errno.
 */
int unix_socket_connect(const char *directory, const char *name, struct error *err);

/**
 * unix_socket_accept() - take a connection of this user's, or root's; others cannot come into the directory
 * at all, and are refused should they.
 * @listener: of unix_socket_listen().
 *
 * Return: the socket, non-blocking and close-on-exec, or -1.
 */
int unix_socket_accept(int listener);

#endif
