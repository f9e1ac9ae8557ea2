// SPDX-License-Identifier: GPL-2.0-or-later
// Finds out if a firewall of this host drops forwarded packets.
#ifndef LAUNCHER_DOCTOR_FIREWALL_H
#define LAUNCHER_DOCTOR_FIREWALL_H

#include <stdbool.h>

#define FIREWALL_CHAIN_SIZE 272

/**
 * struct firewall - the facts about the firewall.
 * @readable: this process can read the kernel's rules, which needs CAP_NET_ADMIN.
 * @drops: a chain has the policy to drop forwarded packets.
 * @excepted: a rule names the taps of VMs; set only if @drops.
 * @chain: the first chain that drops, in the syntax of nft(8): "ip filter FORWARD".
 * @legacy: iptables-legacy has a filter table; firewall_look() does not read its rules.
 * @docker, @ufw, @firewalld: the program is active and makes rules.
 */
struct firewall {
	bool readable;
	bool drops;
	bool excepted;
	bool legacy;
	char chain[FIREWALL_CHAIN_SIZE];
	bool docker;
	bool ufw;
	bool firewalld;
};

/**
 * firewall_look() - read the kernel's rules (nf_tables, which includes those of iptables-nft), or
 * look for the programs that make such rules if this process cannot read them.
 * @root: prefix of the paths of the programs' files; "" for this host.
 */
void firewall_look(const char *root, struct firewall *firewall);

#endif
