// SPDX-License-Identifier: GPL-2.0-or-later
// Adds rules for one guest to chains of a firewall, and removes them.
#ifndef NETSETUP_MAKER_ALLOW_H
#define NETSETUP_MAKER_ALLOW_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "netsetup/base/error.h"
#include "netsetup/base/ifname.h"
#include "netsetup/base/modes.h"

/*
 * The rules have the VM's uuid in their comment. They compare interfaces and one address, count,
 * and accept: what iptables(8) can express, so that it shows them whole. A rule that it cannot
 * express is shown as "-j ACCEPT", and accepts everything after a save and a restore.
 */

/* Before the uuid in the comment of a rule. */
#define ALLOW_COMMENT "vmrun:"

/**
 * struct allow - rules of one VM in a chain of a firewall.
 * @uuid: the VM's, binary.
 * @family: NFPROTO_IPV4 or NFPROTO_INET.
 * @table, @chain: the base chain.
 */
struct allow {
	uint8_t uuid[16];
	uint8_t family;
	char table[NFT_NAME_SIZE];
	char chain[NFT_NAME_SIZE];
};

/**
 * allow_add() - insert two rules at the head of a chain, which accept the guest's packets from the
 * tap to the uplink and back. They replace this VM's rules in that chain.
 *
 * Return: 0; -EPERM if another program owns the table; -ENOENT if there is no such chain; or
 * another negative errno.
 */
int allow_add(const struct allow *allow, struct interface_id tap, struct interface_id uplink,
	      struct in_addr address, struct error *err);

/**
 * allow_sweep() - find the rules of all VMs whose tap is gone, as a dead service leaves them.
 * @remove: delete them.
 * @count: their number.
 *
 * Return: 0 or a negative errno.
 */
int allow_sweep(bool remove, unsigned int *count, struct error *err);

/* allow_delete() - delete all rules of a VM; none is no error. Returns 0 or a negative errno. */
int allow_delete(const uint8_t uuid[16], struct error *err);

#endif
