// SPDX-License-Identifier: GPL-2.0-or-later
// Stores a VM's last addresses, one for each network, for reuse.
#ifndef LAUNCHER_LAN_ADDRESS_HISTORY_H
#define LAUNCHER_LAN_ADDRESS_HISTORY_H

#include <net/ethernet.h>
#include <netinet/in.h>

#include "netsetup/base/ipv4.h"
#include "netsetup/base/printable.h"
#include "netsetup/protocol/protocol.h"

/**
 * struct address_entry - an address and the network in which the VM had it. Many networks have the
 * same numbers, such as 192.168.1.0/24, but each router is in only one.
 * @address: 0.0.0.0: none.
 * @router_mac: hardware address of the network's router; zero if unknown.
 * @ssid: from printable(); empty if unknown.
 */
struct address_entry {
	struct in_addr address;
	struct ether_addr router_mac;
	char ssid[SSID_TEXT_SIZE];
};

/* struct address_history - the entries, the latest first. */
struct address_history {
	struct address_entry entries[REMEMBERED_MAX];
};

/**
 * address_history_load() - read the stored addresses; bad lines are skipped.
 * @name: the VM's.
 * @card: number of its card; each has its own file.
 */
void address_history_load(const char *name, unsigned int card, struct address_history *history);

/**
 * address_history_store() - make an entry the first, drop the others of its network, and write the
 * file. A failure to write is ignored: the VM's next start takes a second longer.
 * @name: the VM's.
 * @card: number of its card.
 * @prefix_length: of the entry's subnet.
 */
void address_history_store(const char *name, unsigned int card, const struct address_entry *entry,
			   unsigned int prefix_length, struct address_history *history);

/**
 * address_history_fill() - copy the history to a request. Addresses of networks with another SSID
 * come last.
 * @ssid: of the present network; empty if unknown.
 */
void address_history_fill(const struct address_history *history, const char *ssid,
			  struct attach_record *attach);

#endif
