// SPDX-License-Identifier: GPL-2.0-or-later
// Opens the gate, by which guests' frames enter the uplink as if from the LAN.
#ifndef NETSETUP_TABLE_GATE_H
#define NETSETUP_TABLE_GATE_H

#include <net/ethernet.h>

#include "netsetup/base/error.h"
#include "netsetup/base/ifname.h"
#include "netsetup/kernel/netlink.h"

/*
 * Before the uplink's ifindex in hexadecimal, in the name of its gate. A VM's name has no '_', and
 * so neither has the name of its tap.
 */
#define GATE_PREFIX TAP_PREFIX "gate_"

/**
 * gate_make() - make a tap, down and without addresses.
 * @name: begins with GATE_PREFIX.
 * @ifindex: of the tap.
 *
 * Return: the descriptor, owned by the caller, or a negative errno as tap_open() does.
 */
int gate_make(const char *name, unsigned int *ifindex, struct error *err);

/**
 * gate_up() - mark such a tap as ours, and bring it up.
 * @mac: its hardware address; NULL: a random one.
 *
 * Return: 0 or a negative errno.
 */
int gate_up(struct nl_sock *route, struct interface_id gate, const struct ether_addr *mac,
	    struct error *err);

/**
 * gate_open() - make a tap without an address, whose every outgoing frame enters the uplink: the
 * host takes it for a frame from the LAN.
 * @ifindex: of the gate.
 *
 * The kernel removes the gate with its last descriptor.
 *
 * Return: the descriptor, owned by the caller; -EBUSY if the uplink has a gate; -ENOENT or
 * -EOPNOTSUPP if the kernel lacks a part, which the message names; or another negative errno.
 */
int gate_open(struct nl_sock *route, struct interface_id uplink, unsigned int *ifindex,
	      struct error *err);

/**
 * gate_groups_open() - open a socket that makes the uplink receive the frames of all groups, as
 * long as the socket is open (PACKET_MR_ALLMULTI, packet(7)). It receives nothing itself.
 *
 * Return: the socket, owned by the caller, or a negative errno.
 */
int gate_groups_open(struct interface_id uplink, struct error *err);

#endif
