// SPDX-License-Identifier: GPL-2.0-or-later
// Reads how many of a VM's packets came to each hop on this host.
#ifndef NETSETUP_SERVICE_COUNTS_H
#define NETSETUP_SERVICE_COUNTS_H

#include "netsetup/service/state.h"

/*
 * Theory of operation: elements of the uplink's tables count packets (netsetup/table/table.h). The
 * kernel gives them to who has CAP_NET_ADMIN, so the maker requests them by the socket that owns
 * the tables. The service has the same socket, and reads the answer, which needs no capability.
 */

/* counts_read() - fill in the counts of a VM; those that nobody counts stay 0. */
void counts_read(struct state *state, struct host *host, const struct vm *vm,
		 struct counts_record *record);

#endif
