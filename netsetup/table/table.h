// SPDX-License-Identifier: GPL-2.0-or-later
// Builds and changes the nftables table through which VMs are on an uplink's LAN.
#ifndef NETSETUP_TABLE_TABLE_H
#define NETSETUP_TABLE_TABLE_H

#include <net/ethernet.h>
#include <netinet/in.h>

#include "netsetup/base/error.h"
#include "netsetup/base/ifname.h"
#include "netsetup/kernel/netlink.h"

/*
 * Theory of operation: an access point takes frames from one MAC address only, the station's. For
 * each uplink with VMs there is one table of the family netdev, "vmrun-IFNAME", whose rules see
 * frames below the host's IP stack:
 *
 *   chain tap_N      ingress of the tap with ifindex N: the guest's MAC, then `check`
 *   chain check      drops what this guest must not send; guards both paths
 *   chain out        bridged: to another guest's tap, to the host by the gate, or out of the uplink
 *                    with the station's MAC
 *   chain uplink_in  ingress of the uplink: IPv4 and ARP for a bridged guest get its MAC and go to
 *                    its tap
 *   chain uplink_out egress of the uplink: what the host sends to a guest goes to its tap
 *   chain flood      copies a broadcast to the tap of each bridged guest
 *   chain from_gate  what a guest sends to the host enters the uplink here
 *
 * Without a bridged VM there are tap_N, check, and an empty flood: the host's own frames meet no
 * rule.
 *
 * What a chain looks up is in maps for all VMs, so that its length does not grow with their number.
 * A routed VM has elements in pair4 alone: what `check` has passed goes on into the host's stack.
 *
 * The kernel counts packets by the elements of pair4, mac_by_ip4, and hops. The last one is in a
 * table of the family ip, of the same name: its chains see forwarded packets before and after all
 * other chains of the forward hook. So the host's own packets meet no rule there.
 *
 * The table belongs to one socket, the owner (`flags owner`). The kernel removes the table when the
 * last descriptor of that socket is closed, and lets no other socket change it. A change needs
 * CAP_NET_ADMIN of the process that sends it, and of the one that opened the socket
 * (netlink_net_capable() in net/netlink/af_netlink.c). Each change is one batch, which the kernel
 * applies as a whole or not at all.
 */

/* Before the uplink's name in the name of its table. */
#define TABLE_PREFIX "vmrun-"

/* Size of a table's name with its NUL. */
#define TABLE_NAME_SIZE (sizeof(TABLE_PREFIX) + IFNAMSIZ)

/* The way of a VM's IPv4 unicast. */
enum table_path {
	TABLE_ROUTED,  /* through the host's IP stack */
	TABLE_BRIDGED, /* below it */
};

/* The sets whose elements count packets. */
enum table_counted {
	TABLE_CHECKED,   /* pair4: what `check` has passed */
	TABLE_ARRIVED,   /* mac_by_ip4: unicast from the LAN for bridged guests */
	TABLE_FORWARDED, /* hops */
	TABLE_COUNTED,
};

/**
 * struct table - one uplink's table.
 * @route: rtnetlink socket, for queries.
 * @owner: the socket that owns the table; -1 before table_open().
 * @uplink: its name must be the one that it had at table_open().
 */
struct table {
	struct nl_sock *route;
	int owner;
	struct interface_id uplink;
};

/**
 * struct table_vm - a VM in the table, which knows it by its tap.
 * @mac: the guest's.
 * @address: the guest's; 0.0.0.0: none yet, so the guest can send ARP probes only.
 */
struct table_vm {
	struct interface_id tap;
	struct ether_addr mac;
	struct in_addr address;
	enum table_path path;
};

/* table_name() - write the name of an uplink's table; returns text. */
const char *table_name(const char *uplink, char text[TABLE_NAME_SIZE]);

/**
 * table_open() - make an uplink's table, without a VM.
 * @table: its owner becomes a new socket, owned by the caller.
 *
 * Return: 0; -EPERM if another socket owns a table of this uplink; -EOPNOTSUPP or -ENOENT if the
 * kernel lacks a part, which the message names; or another negative errno.
 */
int table_open(struct table *table, struct error *err);

/**
 * table_bridge() - make the chains for bridged VMs.
 * @gate: ifindex of gate_open()'s interface.
 *
 * Return: as table_refresh(), and -EOPNOTSUPP or -ENOENT as table_open().
 */
int table_bridge(const struct table *table, unsigned int gate, struct error *err);

/**
 * table_refresh() - read the uplink's MAC, its MTU and the host's addresses from the kernel, and
 * put them into the table.
 *
 * Return: 0, -ENOENT if there is no such table, -EPERM if @owner does not own it, or another
 * negative errno.
 */
int table_refresh(const struct table *table, struct error *err);

/**
 * table_vm_set() - put a VM into the table, or replace what differs: MAC, address, path.
 *
 * Return: as table_refresh(); -EADDRINUSE if the address is the host's, or the address or MAC is
 * that of another VM of this table.
 */
int table_vm_set(const struct table *table, const struct table_vm *vm, struct error *err);

/**
 * table_vm_delete() - remove a VM from the table; a VM that it has not is no error.
 * @tap: need not exist.
 */
int table_vm_delete(const struct table *table, unsigned int tap, struct error *err);

/**
 * table_delete() - delete the table at once. To close its owner's last descriptor takes until no
 * processor uses the table (nft_rcv_nl_event() in net/netfilter/nf_tables_api.c).
 *
 * Return: 0, also if the uplink has no table of its present name; -EPERM if another socket owns
 * that one; or another negative errno.
 */
int table_delete(const struct table *table, struct error *err);

/**
 * table_dump() - request the elements of a set, which the owner's other holder reads from it.
 *
 * Return: 0 or a negative errno.
 */
int table_dump(const struct table *table, enum table_counted set, struct error *err);

#endif
