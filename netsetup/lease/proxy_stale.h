// SPDX-License-Identifier: GPL-2.0-or-later
// Deletes the proxy entries that helpers which died have left.
#ifndef NETSETUP_LEASE_PROXY_STALE_H
#define NETSETUP_LEASE_PROXY_STALE_H

#include "netsetup/host/host.h"
#include "netsetup/lease/lease.h"

/**
 * proxy_stale_remove() - delete our proxy entries (HOST_PROTOCOL) that no VM needs. A lease is
 * written before its entry is made, and gives the entry up only after it was deleted.
 * @host: the host.
 * @leases, @count: all of this network namespace, listed under a rundir_lock() that still is held.
 * @err: the last error; the rest is swept all the same.
 *
 * Return: 0 or a negative errno.
 */
int proxy_stale_remove(struct host *host, const struct found_lease *leases, size_t count,
		       struct error *err);

#endif
