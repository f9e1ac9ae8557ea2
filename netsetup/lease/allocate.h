// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the VM an address that nobody uses, and takes its lease.
#ifndef NETSETUP_LEASE_ALLOCATE_H
#define NETSETUP_LEASE_ALLOCATE_H

#include "netsetup/host/host.h"
#include "netsetup/kernel/uplink.h"
#include "netsetup/lease/lease.h"
#include "netsetup/protocol/protocol.h"

/*
 * Theory of operation: under the directory's lock, candidates that no other lease has are written
 * into our lease; then, without the lock, they are probed all at once, so that many VMs that start
 * together neither wait for each other nor choose alike; then the lease is written again with the
 * first that proved free. What is taken is never tried again. The batches grow, so that the usual
 * case sends few packets and a full subnet is told in seconds.
 */

/**
 * allocate() - take the lease of a VM, with an address.
 * @setup: the request, protocol_setup_check()ed.
 * @uplink: the uplink.
 * @host: for the sweep of dead leases before; a dry run writes no lease and sends no probes when
 *        it may not.
 * @conflicting_host: the address of a machine that need not answer probes, never chosen; or 0.0.0.0.
 * @lease: the VM's; to be dropped by the caller, also after a failure. Its record is complete after
 *         success.
 * @err: STATUS_NETWORK: which address is used by whom, or that none is free.
 *
 * Return: 0, -EADDRINUSE, -EADDRNOTAVAIL, -EEXIST when the VM runs already, or another negative
 * errno.
 */
int allocate(const struct setup_record *setup, const struct uplink *uplink, struct host *host,
	     struct in_addr conflicting_host, struct lease *lease, struct error *err);

#endif
