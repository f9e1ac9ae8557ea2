// SPDX-License-Identifier: GPL-2.0-or-later
// Tells why an interface or its address cannot connect a VM to the LAN.
#ifndef NETSETUP_KERNEL_REFUSAL_H
#define NETSETUP_KERNEL_REFUSAL_H

#include "netsetup/kernel/interface.h"

/* refusal_link() - return the reason to refuse an interface by its own properties, or NULL. */
const char *refusal_link(const struct interface *link);

/* refusal_state() - return the reason to refuse an interface by its present state, or NULL. */
const char *refusal_state(const struct interface *link);

/**
 * refusal_master() - return the bridge, bond, VRF or similar device of which the interface is a
 * port, or NULL.
 */
const struct interface *refusal_master(const struct interfaces *table,
				       const struct interface *link);

/**
 * refusal_is_vrf() - true if the master is a VRF. Its ports' packets take the routes of the VRF's
 * table alone, before any rule of a VM (l3mdev_fib_rule_match() in net/l3mdev/l3mdev.c).
 */
bool refusal_is_vrf(const struct interface *master);

/* refusal_address() - return the reason to refuse an address, as "is ..." or "has ...", or NULL. */
const char *refusal_address(const struct interface_address *address);

#endif
