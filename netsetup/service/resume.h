// SPDX-License-Identifier: GPL-2.0-or-later
// Gives a VM that runs its tap again, after the service lost its connection.
#ifndef NETSETUP_SERVICE_RESUME_H
#define NETSETUP_SERVICE_RESUME_H

#include "netsetup/service/state.h"

/**
 * resume_tap() - take the tap that the request of a VM names.
 *
 * From then on a request that fails leaves the VM its tap, as a move does: the uplink may be away
 * just now.
 *
 * Return: 0, -ENODEV if the tap is not this VM's, or another negative errno.
 */
int resume_tap(struct state *state, struct vm *vm, struct error *err);

#endif
