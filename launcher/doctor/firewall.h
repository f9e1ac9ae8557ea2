// SPDX-License-Identifier: GPL-2.0-or-later
// Whether a firewall of this host drops what is forwarded, as far as this process may see it.
#ifndef LAUNCHER_DOCTOR_FIREWALL_H
#define LAUNCHER_DOCTOR_FIREWALL_H

#include <stdbool.h>

#define FIREWALL_CHAIN_SIZE 272

/**
 * struct firewall - what is known.
 * @readable: the kernel's rules are: this takes CAP_NET_ADMIN.
 * @drops: a chain has the policy to drop what is forwarded.
 * @excepted: a rule names the taps of VMs.
 * @chain: the first that drops, as nft(8) takes it: "ip filter FORWARD".
 * @legacy: iptables-legacy has a table that filters; what is in it is not looked at.
 * @docker, @ufw, @firewalld: is here, and makes rules.
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
 * firewall_look() - look at the kernel's rules (nf_tables, and so iptables-nft), if that is
 * permitted, and for the programs that make them.
 * @root: directory that has their files; "" for this machine's own.
 * @firewall: what was found.
 */
void firewall_look(const char *root, struct firewall *firewall);

#endif
