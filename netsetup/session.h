// SPDX-License-Identifier: GPL-2.0-or-later
// One VM's conversation with its launcher, from the request to the undoing.
#ifndef NETSETUP_SESSION_H
#define NETSETUP_SESSION_H

#include "netsetup/error.h"

/**
 * session_run() - serve one request, and undo it when the launcher is gone.
 * @socket: to the launcher.
 * @err: why it ended otherwise than by the launcher's end-of-file.
 *
 * Return: 0 or a negative errno; the host is as before in any case.
 */
int session_run(int socket, struct error *err);

/* session_done() - tell the launcher that the host is as before; returns 0 or a negative errno. */
int session_done(int socket, struct error *err);

#endif
