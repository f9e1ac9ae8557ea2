// SPDX-License-Identifier: GPL-2.0-or-later
// Connects to a running vmrun-netsetup, or starts one as a child.
#ifndef NETSETUP_PROTOCOL_CONNECTION_H
#define NETSETUP_PROTOCOL_CONNECTION_H

#include <stdbool.h>

#include "netsetup/protocol/netsetup.h"

/**
 * connection_open() - open the connection of netsetup_open().
 * @netsetup: a closed one, with @dry_run.
 * @installed: the installed service may be connected to.
 *
 * Return: 0 or a negative errno, as netsetup_open().
 */
int connection_open(struct netsetup *netsetup, bool installed, struct error *err);

/**
 * connection_ended() - fill in the reason why a service ended without an answer.
 *
 * Return: a negative errno; -ECONNRESET if the reason is unknown.
 */
int connection_ended(const struct netsetup *netsetup, struct error *err);

/* connection_reap() - wait for the end of the child, if there is one and it serves nobody else. */
void connection_reap(struct netsetup *netsetup);

/**
 * connection_is_managed() - true for a process of a service manager's unit, and not for one that a
 * person has started, which is in a scope or a session.
 * @cgroup: text of its /proc/PID/cgroup, see cgroups(7).
 */
bool connection_is_managed(const char *cgroup);

/**
 * connection_release() - end the use of a child that has sent its last record.
 *
 * It undoes nothing more, but lives some 20 ms longer, as the kernel closes its sockets. A person
 * does not wait for that. The manager of a user's units must not find it in the unit's control
 * group, because that manager cannot kill it. There the call is connection_reap().
 */
void connection_release(struct netsetup *netsetup);

#endif
