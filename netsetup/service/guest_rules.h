// SPDX-License-Identifier: GPL-2.0-or-later
// Keeps a routed VM's packets out of this host's policy rules and networks.
#ifndef NETSETUP_SERVICE_GUEST_RULES_H
#define NETSETUP_SERVICE_GUEST_RULES_H

#include "netsetup/service/state.h"

/*
 * Theory of operation: the kernel asks the policy rules in the order of their preference. A VPN, or
 * a program such as clash, has rules that lead every packet to a table of its own: those to the
 * guest, those from it, and the look-ups of reverse-path filtering. So each routed VM has a table,
 * of number 118000000 + index of the tap, and rules that the kernel asks before those:
 *
 *   1. lookup 117000000          one rule for all VMs: the table has a /32 route to each tap with
 *                                this host's address on the uplink as source, from which this host
 *                                speaks to the guest; and one without, if that address goes
 *   2. iif TAP lookup local      this host's own addresses, if that table is not the first
 *   3. iif TAP lookup TABLE      the LAN's subnets, and the LAN's router for the rest
 *   4. iif TAP unreachable       nothing else: no VPN, no container, no other network
 *
 * The kernel asks one rule after the other for each packet: a rule for each guest's address would
 * cost each packet of all guests.
 *
 * For forwarded packets, reverse-path filtering asks the same rules (fib_validate_source() in
 * net/ipv4/fib_frontend.c takes the output interface for iif), so it agrees with them. A VM with
 * `gateway: host` has rule 1 alone: it takes this host's routes. Off the LAN, a VM has no routes.
 *
 * While VMs alone make an uplink forward, it has rules 2 and 4 as well (blackhole): stations of the
 * LAN reach the guests and this host through it, but no other network of this host. If another
 * program sets forwarding for all interfaces, this is its choice, and the rules go.
 *
 * The state file needs no record of them: all of it carries our protocol number, and follows from
 * the tap, the address and the uplink of a VM, which are in the file before.
 */

/**
 * guest_rules_publish() - make the VM's rules and its table true for its address and uplink.
 *
 * The rules take the preferences 115 to 118, or lower ones if another program has a rule below 118.
 *
 * Return: 0 or a negative errno.
 */
int guest_rules_publish(struct host *host, const struct vm *vm, struct error *err);

/**
 * guest_rules_guard() - keep the LAN's stations out of this host's other networks, before the
 * VM's uplink forwards.
 *
 * Return: 0 or a negative errno.
 */
int guest_rules_guard(struct state *state, struct host *host, const struct vm *vm,
		      struct error *err);

/**
 * guest_rules_sweep() - remove the rules and the routes of tables that no VM of the state needs.
 * @err: the last error; the rest is removed all the same.
 *
 * Return: 0 or a negative errno.
 */
int guest_rules_sweep(struct state *state, struct host *host, struct error *err);

/* guest_rules_has_route() - true if the main table has the VM's /32 route to its tap. */
bool guest_rules_has_route(const struct host *host, const struct vm *vm);

#endif
