// SPDX-License-Identifier: GPL-2.0-or-later
// What helpers that died have left, beyond what their leases tell.
#ifndef NETSETUP_LEASE_STALE_H
#define NETSETUP_LEASE_STALE_H

#include "netsetup/host/host.h"
#include "netsetup/lease/lease.h"

/**
 * sweep_proxies() - delete our proxy entries (HOST_PROTOCOL) that no VM needs; a lease is written
 * before its entry is made, and gives it up only after that was deleted.
 * @host: the host.
 * @leases, @count: all of this network namespace, listed under a rundir_lock() that still is held.
 * @err: the last error; the rest is swept all the same.
 *
 * Return: 0 or a negative errno.
 */
int sweep_proxies(struct host *host, const struct found_lease *leases, size_t count,
		  struct error *err);

/**
 * sweep_all() - what every start and every end of a VM sweeps, share_sweep(), and what is not worth
 * their time: the directories of other network namespaces in which nothing is left that matters.
 * @host: the host.
 * @err: the last error; the rest is swept all the same.
 *
 * Return: 0 or a negative errno.
 */
int sweep_all(struct host *host, struct error *err);

#endif
