// SPDX-License-Identifier: GPL-2.0-or-later
// Removes the stale leases that dead helpers have left.
#ifndef NETSETUP_LEASE_LEASE_STALE_H
#define NETSETUP_LEASE_LEASE_STALE_H

#include "netsetup/host/host.h"

/**
 * lease_stale_remove() - undo the changes of dead leases: proxy entries, lease files, and the
 * values of uplinks that no VM uses.
 * @dir: of lease_dir_lock().
 * @err: the last error; the rest is removed all the same.
 *
 * Return: 0 or a negative errno.
 */
int lease_stale_remove(int dir, struct host *host, struct error *err);

/**
 * lease_stale_remove_all() - lease_stale_remove(), then remove useless directories of other network
 * namespaces. The start and the end of a VM do not take the time for these.
 * @err: the last error; the rest is removed all the same.
 *
 * Return: 0 or a negative errno.
 */
int lease_stale_remove_all(struct host *host, struct error *err);

#endif
