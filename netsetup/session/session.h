// SPDX-License-Identifier: GPL-2.0-or-later
// Serves one VM's LAN session, from the request until it is undone.
#ifndef NETSETUP_SESSION_SESSION_H
#define NETSETUP_SESSION_SESSION_H

#include "netsetup/base/error.h"
#include "netsetup/policy/authorize.h"

/**
 * session_run() - serve one request, and undo it after the launcher's end-of-file.
 * @socket: to the launcher.
 * @authorization: limits of the client; NULL: none.
 * @err: the reason of an end without the launcher's end-of-file.
 *
 * Return: 0 or a negative errno; the host is as before in any case.
 */
int session_run(int socket, const struct authorization *authorization, struct error *err);

/* session_done() - report to the launcher that the host is as before; 0 or a negative errno. */
int session_done(int socket, struct error *err);

#endif
