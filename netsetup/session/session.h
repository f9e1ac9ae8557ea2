// SPDX-License-Identifier: GPL-2.0-or-later
// Serves one VM's LAN session, from the request until it is undone.
#ifndef NETSETUP_SESSION_SESSION_H
#define NETSETUP_SESSION_SESSION_H

#include "netsetup/base/error.h"
#include "netsetup/policy/authorize.h"
#include "netsetup/session/standby.h"

/**
 * struct session_limits - the limits of a session.
 * @authorization: limits of the client; NULL: none.
 * @vm: of a standby helper: the only VM that it may adopt; NULL: no such limit.
 * @begin_standby: entry point of a standby helper that this one forks; does not return.
 */
struct session_limits {
	const struct authorization *authorization;
	const struct vm_identity *vm;
	void (*begin_standby)(const struct vm_identity *vm);
};

/**
 * session_run() - serve one request, and undo it after the launcher's end-of-file.
 * @socket: to the launcher.
 * @err: the reason of an end without the launcher's end-of-file.
 *
 * Return: 0 or a negative errno; the host is as before in any case.
 */
int session_run(int socket, const struct session_limits *limits, struct error *err);

/* session_done() - report to the launcher that the host is as before; 0 or a negative errno. */
int session_done(int socket, struct error *err);

#endif
