// SPDX-License-Identifier: GPL-2.0-or-later
// The uplink's own sysctls, which all VMs on it share: the first in sets, the last out restores.
#ifndef NETSETUP_LEASE_UPLINK_SYSCTLS_H
#define NETSETUP_LEASE_UPLINK_SYSCTLS_H

#include "netsetup/host/host.h"
#include "netsetup/lease/lease.h"

/*
 * Theory of operation: the file "uplink-IFINDEX" of lease_dir.h holds the values from before
 * the first VM. It is written before a value is changed. When no live lease is on the uplink any
 * more, the last helper, or any later start, puts the values back. A value that is no longer what we
 * set stays: somebody else chose it. The file is about the interface of that index, even after the
 * interface was renamed. All functions are called under rundir_lock().
 */

/**
 * share_set() - make the uplink forward, and answer for the guest without the random delay of
 * proxied replies (parp_process in net/ipv4/arp.c, up to 0.8 s).
 * @dir: of rundir_lock(); negative in a dry run.
 * @host: the host.
 * @uplink: the interface.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int share_set(int dir, struct host *host, struct interface_id uplink, struct error *err);

/* share_is_set() - whether the uplink's values are as share_set() makes them; needs no lock. */
bool share_is_set(struct interface_id uplink);

/**
 * uplink_sysctls_restore() - put back the values of uplinks that no VM uses.
 * @dir: of rundir_lock().
 * @host: the host.
 * @leases, @count: all leases of @dir.
 * @err: the last error; the other uplinks are put back all the same.
 *
 * Return: 0 or a negative errno.
 */
int uplink_sysctls_restore(int dir, struct host *host, const struct found_lease *leases,
			   size_t count, struct error *err);

#endif
