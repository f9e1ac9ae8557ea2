// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the policy rule that takes packets between the LAN and a guest.
#ifndef LAUNCHER_LAN_ROUTE_CHECK_H
#define LAUNCHER_LAN_ROUTE_CHECK_H

#include "launcher/definition/machine_plan.h"

/**
 * route_check() - ask the kernel how it would forward a packet of the guest to the LAN, and back.
 *
 * The rules of a VM come before those of other programs. But a VM with `gateway: host` has no rule
 * for what the guest sends, and nothing comes before a rule of preference 0.
 * @place: of the VM.
 * @uplink, @tap: indices of the interfaces.
 * @reason: names the rule for users; empty if both packets take the right way, or if the kernel
 *          does not answer.
 */
void route_check(const struct lan_place *place, unsigned int uplink, unsigned int tap,
		 char reason[REASON_SIZE]);

#endif
