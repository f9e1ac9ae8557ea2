// SPDX-License-Identifier: GPL-2.0-or-later
// Stores a VM's last addresses, one for each network, for reuse.
#ifndef LAUNCHER_LAN_ADDRESS_HISTORY_H
#define LAUNCHER_LAN_ADDRESS_HISTORY_H

#include <netinet/in.h>

#include "netsetup/base/ipv4.h"
#include "netsetup/protocol/protocol.h"

/**
 * address_history_load() - read the stored addresses, up to the file's first bad line, if any.
 * @name: the VM's.
 * @card: number of its card; each has its own file.
 * @addresses: the latest first; unused ones are 0.0.0.0.
 */
void address_history_load(const char *name, unsigned int card,
			  struct in_addr addresses[REMEMBERED_MAX]);

/**
 * address_history_store() - store an address as the first and drop others of its subnet. A failure
 * is ignored: the VM's next start takes a second longer.
 * @name: the VM's.
 * @card: number of its card.
 * @prefix: the card's address and its subnet's prefix length.
 * @addresses: the loaded ones.
 */
void address_history_store(const char *name, unsigned int card, const struct prefix *prefix,
			   const struct in_addr addresses[REMEMBERED_MAX]);

#endif
