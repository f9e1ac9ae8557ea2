// SPDX-License-Identifier: GPL-2.0-or-later
// Finds out what a firewall of this host does to forwarded packets.
#ifndef LAUNCHER_DOCTOR_FIREWALL_H
#define LAUNCHER_DOCTOR_FIREWALL_H

#include <stdbool.h>

#include "launcher/doctor/iptables.h"
#include "launcher/doctor/nftables.h"
#include "launcher/doctor/packet.h"

/**
 * struct firewall - the facts about the firewall.
 * @readable: this process could read the kernel's rules, which needs CAP_NET_ADMIN.
 * @missing: the kernel has no nf_tables.
 * @nftables: the rules of nf_tables, iptables-nft's included.
 * @filter, @nat: the tables of iptables-legacy, if it has them.
 * @docker, @ufw, @firewalld: the program is active and makes rules.
 */
struct firewall {
	bool readable;
	bool missing;
	struct nftables nftables;
	struct iptables filter;
	struct iptables nat;
	bool docker;
	bool ufw;
	bool firewalld;
};

/**
 * firewall_look() - read the kernel's rules, or look for the programs that make such rules if this
 * process cannot read them.
 * @root: prefix of the paths of the programs' files; "" for this host.
 */
void firewall_look(const char *root, struct firewall *firewall);

/* The name of the chains of iptables-legacy in struct packet_fate begins with this. */
#define FIREWALL_LEGACY "iptables-legacy"

/**
 * firewall_follow() - follow a packet through all rules of a hook.
 * @hook: NF_INET_FORWARD, or NF_INET_POST_ROUTING for a translation of addresses.
 */
struct packet_fate firewall_follow(const struct firewall *firewall, unsigned int hook,
				   const struct packet *packet);

/* firewall_done() - free the rules. */
void firewall_done(struct firewall *firewall);

#endif
