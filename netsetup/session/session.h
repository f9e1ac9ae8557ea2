// SPDX-License-Identifier: GPL-2.0-or-later
// One VM's conversation with its launcher, from the request to the undoing.
#ifndef NETSETUP_SESSION_SESSION_H
#define NETSETUP_SESSION_SESSION_H

#include "netsetup/base/error.h"
#include "netsetup/policy/authorize.h"
#include "netsetup/session/standby.h"

/**
 * struct session_limits - whom a session serves, and how far.
 * @authorization: what the asker is permitted, or NULL: everything.
 * @vm: a spare's: the VM whose place it may take over; NULL: any, and none to take over only.
 * @begin_standby: where a spare of this helper's begins; it does not return.
 */
struct session_limits {
	const struct authorization *authorization;
	const struct vm_identity *vm;
	void (*begin_standby)(const struct vm_identity *vm);
};

/**
 * session_run() - serve one request, and undo it when the launcher is gone.
 * @socket: to the launcher.
 * @limits: within these.
 * @err: why it ended otherwise than by the launcher's end-of-file.
 *
 * Return: 0 or a negative errno; the host is as before in any case.
 */
int session_run(int socket, const struct session_limits *limits, struct error *err);

/* session_done() - tell the launcher that the host is as before; returns 0 or a negative errno. */
int session_done(int socket, struct error *err);

#endif
