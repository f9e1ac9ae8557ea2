// SPDX-License-Identifier: GPL-2.0-or-later
// Finds a free address for the VM and takes its lease.
#ifndef NETSETUP_LEASE_ALLOCATE_H
#define NETSETUP_LEASE_ALLOCATE_H

#include "netsetup/host/host.h"
#include "netsetup/kernel/uplink.h"
#include "netsetup/lease/lease.h"
#include "netsetup/protocol/protocol.h"

/*
 * Theory of operation: under the directory's lock, allocate() writes candidates that no other lease
 * has into our lease. Then it probes all of them at once, without the lock, so VMs that start
 * together neither wait for each other nor choose the same address. Then it writes the lease again
 * with the first free one. It never tries a taken address again. The batches grow: the usual case
 * sends few packets, and a full subnet is known in seconds.
 */

/**
 * allocate() - take the lease of a VM, with an address.
 * @setup: the request, protocol_setup_check()ed.
 * @host: first removes stale leases there; a dry run writes no lease and sends no probes.
 * @conflicting_host: an address that is never chosen, even if nobody answers for it; or 0.0.0.0.
 * @lease: the VM's; the caller drops it, also after a failure. Its record is complete after
 *         success.
 * @err: STATUS_NETWORK: which address is used by whom, or that none is free.
 *
 * Return: 0, -EADDRINUSE, -EADDRNOTAVAIL, -EEXIST if the VM is already running, or another negative
 * errno.
 */
int allocate(const struct setup_record *setup, const struct uplink *uplink, struct host *host,
	     struct in_addr conflicting_host, struct lease *lease, struct error *err);

#endif
