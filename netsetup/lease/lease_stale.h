// SPDX-License-Identifier: GPL-2.0-or-later
// Removes what helpers that died have left.
#ifndef NETSETUP_LEASE_LEASE_STALE_H
#define NETSETUP_LEASE_LEASE_STALE_H

#include "netsetup/host/host.h"

/**
 * lease_stale_remove() - undo what dead leases have left: proxy entries, their files, and the values
 * of uplinks that no VM uses.
 * @dir: of rundir_lock().
 * @host: the host.
 * @err: the last error; the rest is removed all the same.
 *
 * Return: 0 or a negative errno.
 */
int lease_stale_remove(int dir, struct host *host, struct error *err);

/**
 * lease_stale_remove_all() - lease_stale_remove(), and also remove directories of other network
 * namespaces that hold nothing of use. A start or an end of a VM does not take the time for these.
 * @host: the host.
 * @err: the last error; the rest is removed all the same.
 *
 * Return: 0 or a negative errno.
 */
int lease_stale_remove_all(struct host *host, struct error *err);

#endif
