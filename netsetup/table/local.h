// SPDX-License-Identifier: GPL-2.0-or-later
// Puts the uplink's and the host's own addresses into the table.
#ifndef NETSETUP_TABLE_LOCAL_H
#define NETSETUP_TABLE_LOCAL_H

#include "netsetup/kernel/interface.h"
#include "netsetup/kernel/netlink.h"
#include "netsetup/table/batch.h"

/**
 * local_link() - read one interface from the kernel.
 * @table: gets the interface.
 *
 * Return: 0, -ENODEV if it is gone, or another negative errno.
 */
int local_link(struct nl_sock *route, unsigned int ifindex, struct interfaces *table);

/**
 * local_read() - read the uplink and all IPv4 addresses of the host from the kernel.
 * @route: rtnetlink socket.
 * @table: overwritten; the uplink is its only link. The caller must call interface_table_done()
 *         even after a failure.
 *
 * Return: 0, -ENODEV if the uplink is gone, or another negative errno.
 */
int local_read(struct nl_sock *route, unsigned int uplink, struct interfaces *table,
	       struct error *err);

/* local_has() - true if the host has the address, on any interface. */
bool local_has(const struct interfaces *table, struct in_addr address);

/* local_put() - replace the elements that depend on what local_read() has read. */
void local_put(struct batch *batch, const struct interfaces *table);

#endif
