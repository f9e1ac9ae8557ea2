// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the rules of nf_tables and follows a packet through them.
#ifndef LAUNCHER_DOCTOR_NFTABLES_H
#define LAUNCHER_DOCTOR_NFTABLES_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "launcher/doctor/packet.h"
#include "netsetup/base/printable.h"

/*
 * Theory of operation: nftables_read() copies the kernel's messages, which needs CAP_NET_ADMIN. The
 * packet is followed later, without any right: the expressions of a rule run on registers, in which
 * a value may be unknown. A rule that depends on an unknown value decides nothing: an "accept" for
 * established connections does not help the first packet, a "drop" of some port is none of all.
 */

/**
 * struct nftables - all chains and rules.
 * @messages: @count of them, allocated; chains come first.
 */
struct nftables {
	struct nlmsghdr **messages;
	size_t count;
};

/**
 * nftables_read() - copy the chains and rules. They include those of iptables-nft.
 * @nftables: all zero.
 *
 * Return: 0, -EPERM without the right, -EPROTONOSUPPORT if the kernel has no nf_tables, or another
 * negative errno.
 */
int nftables_read(struct nftables *nftables);

/**
 * nftables_follow() - follow a packet through all base chains of a hook for IPv4.
 * @hook: NF_INET_FORWARD, or NF_INET_POST_ROUTING for the chains of type "nat".
 */
struct packet_fate nftables_follow(const struct nftables *nftables, unsigned int hook,
				   const struct packet *packet);

/* nftables_has() - true if there is a chain of this name, or a table if @table is true. */
bool nftables_has(const struct nftables *nftables, const char *name, bool table);

#define NFTABLES_COMMENT_SIZE PRINTABLE_SIZE(128)

/**
 * struct nftables_rule - a rule of a table of the family netdev, with its counter.
 * @comment: as nft(8) prints it; may be empty.
 * @packets: number of those for which the rule holds.
 * @drops, @jumps, @forwards: its last act: to drop; to jump to another chain; to send the packet to
 *                            another interface.
 */
struct nftables_rule {
	const char *table;
	const char *chain;
	char comment[NFTABLES_COMMENT_SIZE];
	uint64_t packets;
	bool drops;
	bool jumps;
	bool forwards;
};

/**
 * nftables_next() - find the next such rule.
 * @place: 0 for the first one; the call sets it for the next one.
 * @rule: its texts are those of @nftables.
 *
 * Return: true if there is one.
 */
bool nftables_next(const struct nftables *nftables, size_t *place, struct nftables_rule *rule);

/* nftables_done() - free the copies. */
void nftables_done(struct nftables *nftables);

#endif
