// SPDX-License-Identifier: GPL-2.0-or-later
// Deletes the stale proxy entries that dead helpers have left.
#ifndef NETSETUP_LEASE_PROXY_STALE_H
#define NETSETUP_LEASE_PROXY_STALE_H

#include "netsetup/host/host.h"
#include "netsetup/lease/lease.h"

/**
 * proxy_stale_remove() - delete our proxy entries (HOST_PROTOCOL) that no VM needs. A lease has its
 * entry's address from before the entry is added until after it was deleted.
 * @leases, @count: all of this network namespace, listed under a lease_dir_lock() that is still
 *               held.
 * @err: the last error; the rest is removed all the same.
 *
 * Return: 0 or a negative errno.
 */
int proxy_stale_remove(struct host *host, const struct found_lease *leases, size_t count,
		       struct error *err);

#endif
