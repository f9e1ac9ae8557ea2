// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the host's interfaces, IPv4 addresses and default routes from the kernel.
#ifndef NETSETUP_KERNEL_NETWORK_DUMP_H
#define NETSETUP_KERNEL_NETWORK_DUMP_H

#include "netsetup/base/error.h"
#include "netsetup/kernel/interface.h"

/**
 * network_dump() - fill a table in the caller's network namespace.
 * @table: overwritten; the caller must call interface_table_done() even after a failure.
 *
 * Return: 0; -EAGAIN if the host's network changed during each of several attempts; or another
 * negative errno.
 */
int network_dump(struct interfaces *table, struct error *err);

#endif
