// SPDX-License-Identifier: GPL-2.0-or-later
// Sets the uplink's shared sysctls, and restores them after the last VM.
#ifndef NETSETUP_LEASE_UPLINK_SYSCTLS_H
#define NETSETUP_LEASE_UPLINK_SYSCTLS_H

#include "netsetup/host/host.h"
#include "netsetup/lease/lease.h"

/*
 * Theory of operation: the file "uplink-IFINDEX" of lease_dir.h has the values from before the
 * first VM. It is written before a value is changed. When the uplink has no live lease, the last
 * helper or any later start restores the values. A value that is no longer ours stays, because
 * another program chose it. The file belongs to the interface of that index, even after the
 * interface was renamed. The caller of each function holds lease_dir_lock(), except as noted.
 */

/**
 * uplink_sysctls_set() - make the uplink forward, and answer for the guest without the random delay
 * of proxied replies (parp_process in net/ipv4/arp.c, up to 0.8 s).
 * @dir: of lease_dir_lock(); negative in a dry run.
 *
 * Return: 0 or a negative errno.
 */
int uplink_sysctls_set(int dir, struct host *host, struct interface_id uplink, struct error *err);

/*
 * uplink_sysctls_are_set() - true if the values are those of uplink_sysctls_set(); needs no lock.
 */
bool uplink_sysctls_are_set(struct interface_id uplink);

/**
 * uplink_sysctls_restore() - restore the values of uplinks that no VM uses.
 * @dir: of lease_dir_lock().
 * @leases, @count: all leases of @dir.
 * @err: the last error; the other uplinks are restored all the same.
 *
 * Return: 0 or a negative errno.
 */
int uplink_sysctls_restore(int dir, struct host *host, const struct found_lease *leases,
			   size_t count, struct error *err);

#endif
