// SPDX-License-Identifier: GPL-2.0-or-later
// The addresses that a VM had on its last networks, so that it gets them again soon.
#ifndef LAUNCHER_LAN_ADDRESS_HISTORY_H
#define LAUNCHER_LAN_ADDRESS_HISTORY_H

#include <netinet/in.h>

#include "netsetup/base/ipv4.h"
#include "netsetup/protocol/protocol.h"

/**
 * address_history_load() - read what is remembered; a file that is not there or malformed is nothing.
 * @name: the VM's.
 * @addresses: the latest first, then 0.0.0.0.
 */
void address_history_load(const char *name, struct in_addr addresses[REMEMBERED_MAX]);

/**
 * address_history_store() - put an address first; others of the same subnet are forgotten. Failure is no
 * error: the VM's next start takes a second longer.
 * @name: the VM's.
 * @prefix: the VM's address and its subnet's prefix length.
 * @addresses: what was loaded.
 */
void address_history_store(const char *name, const struct prefix *prefix,
			   const struct in_addr addresses[REMEMBERED_MAX]);

#endif
