// SPDX-License-Identifier: GPL-2.0-or-later
// Removes what a dead service has left in the kernel.
#ifndef NETSETUP_SERVICE_STALE_H
#define NETSETUP_SERVICE_STALE_H

#include "netsetup/service/state.h"

/**
 * stale_undo() - remove the taps and proxy entries of ours that belong to no VM of the
 * state, and restore the values of uplinks that no VM uses. This process is the only service of the
 * network namespace, so all else of ours is stale.
 * @err: the last error; the rest is removed all the same.
 *
 * Return: 0 or a negative errno.
 */
int stale_undo(struct state *state, struct host *host, struct error *err);

#endif
