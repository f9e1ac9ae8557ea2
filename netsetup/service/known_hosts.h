// SPDX-License-Identifier: GPL-2.0-or-later
// Knows the addresses that have an owner, without a packet.
#ifndef NETSETUP_SERVICE_KNOWN_HOSTS_H
#define NETSETUP_SERVICE_KNOWN_HOSTS_H

#include "netsetup/base/address_set.h"
#include "netsetup/base/error.h"
#include "netsetup/kernel/interface.h"
#include "netsetup/kernel/netlink.h"

/**
 * struct known_hosts - addresses with an owner. All zero is empty.
 * @uplink: index of the uplink.
 * @local: this host's own, on all interfaces: an interface does not receive its own probes.
 * @next_hops: next hops of all routes.
 * @resolvers: DNS servers in the resolver's files.
 * @permanent: permanent neighbours on the uplink.
 * @neighbours: all that have or had a hardware address there.
 * @foreign: with a host route or proxy entry of another program.
 */
struct known_hosts {
	unsigned int uplink;
	struct address_set local;
	struct address_set next_hops;
	struct address_set resolvers;
	struct address_set permanent;
	struct address_set neighbours;
	struct address_set foreign;
};

/**
 * known_hosts_read() - ask the kernel and the resolver's files.
 * @table: from network_dump().
 * @hosts: the caller must call known_hosts_done(), also after a failure.
 *
 * Return: 0 or a negative errno.
 */
int known_hosts_read(struct nl_sock *route, const struct interfaces *table, unsigned int uplink,
		     struct known_hosts *hosts, struct error *err);

/* known_hosts_owner() - name the owner whose address no VM may have ("this host's"), or NULL. */
const char *known_hosts_owner(struct known_hosts *hosts, struct in_addr address);

/* known_hosts_seen() - true if a neighbour or another program seems to use the address. */
bool known_hosts_seen(struct known_hosts *hosts, struct in_addr address);

/* known_hosts_done() - free the sets. */
void known_hosts_done(struct known_hosts *hosts);

#endif
