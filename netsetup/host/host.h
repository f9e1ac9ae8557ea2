// SPDX-License-Identifier: GPL-2.0-or-later
// Makes and undoes each change to the host, and reports it first.
#ifndef NETSETUP_HOST_HOST_H
#define NETSETUP_HOST_HOST_H

#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "netsetup/base/error.h"
#include "netsetup/base/ifname.h"
#include "netsetup/host/report.h"
#include "netsetup/kernel/fib_rule.h"
#include "netsetup/kernel/sysctl.h"
#include "netsetup/maker/ask.h"
#include "netsetup/maker/change.h"
#include "netsetup/maker/maker.h"
#include "netsetup/protocol/protocol.h"
#include "netsetup/table/table.h"

#define HOST_PROTOCOL CHANGE_PROTOCOL

/**
 * host_ahead() - let the next changes return before the maker has made them, but for those that
 * have an answer, and of a table, a link's deletion and a proxy entry. Each of these waits first.
 *
 * A change that others must not follow if it fails needs a host_settle() in between.
 */
void host_ahead(struct host *host);

/**
 * host_settle() - wait for the changes since host_ahead(), and let the next ones wait.
 *
 * Return: 0, or the negative errno of the first one that failed.
 */
int host_settle(struct host *host, struct error *err);

/**
 * host_tap_add() - create the VM's tap, see tap_open().
 * @queues: 1..QUEUES_MAX.
 * @offload: with vnet headers.
 * @fds: one descriptor for each queue, owned by the caller; untouched in a dry run.
 * @ifindex: the tap's index; 0 in a dry run.
 *
 * Return: 0 or a negative errno.
 */
int host_tap_add(struct host *host, const char *ifname, unsigned int queues, bool offload, int *fds,
		 unsigned int *ifindex, struct error *err);

/**
 * host_link_delete() - remove an interface with its routes and sysctls; a missing one is no error.
 *
 * It takes an RCU grace period of 10 to 20 ms (netdev_run_todo() in net/core/dev.c).
 */
int host_link_delete(struct host *host, struct interface_id link, struct error *err);

/**
 * host_link_delete_soon() - the same, but return when the interface is no longer there, while the
 * maker still waits for that grace period. The next change waits for the maker.
 */
int host_link_delete_soon(struct host *host, struct interface_id link, struct error *err);

/* host_link_down() - have a tap pass nothing, and lose its routes; a missing one is no error. */
int host_link_down(struct host *host, struct interface_id link, struct error *err);

/* host_link_up() - mark a tap as ours, set its hardware address and MTU in bytes, bring it up. */
int host_link_up(struct host *host, struct interface_id link, const struct ether_addr *mac,
		 unsigned int mtu, struct error *err);

/* host_sysctl() - write one value. */
int host_sysctl(struct host *host, const struct sysctl *sysctl, int value, struct error *err);

/**
 * host_route_add() - add the host route to the guest. It has no preferred source, because the
 * kernel would remove a route with 'src' together with the uplink's address.
 */
int host_route_add(struct host *host, struct in_addr address, struct interface_id tap,
		   struct error *err);

/* host_route_delete() - remove that route; a missing one is no error. */
int host_route_delete(struct host *host, struct in_addr address, struct interface_id tap,
		      struct error *err);

/**
 * host_proxy_add() - let the kernel answer ARP requests for the guest's address on the uplink
 * (arp_process() in net/ipv4/arp.c), and read the entry back.
 */
int host_proxy_add(struct host *host, struct in_addr address, struct interface_id uplink,
		   struct error *err);

/* host_proxy_delete() - remove that entry; a missing one is no error. */
int host_proxy_delete(struct host *host, struct in_addr address, struct interface_id uplink,
		      struct error *err);

/**
 * host_rule_add() - add a policy rule of a VM; one that is there is no error.
 * @link: the tap; for MAKER_RULE_LOCAL and MAKER_RULE_STOP it may be an uplink.
 * @preference: 1..CHANGE_PREFERENCE_MAX.
 */
int host_rule_add(struct host *host, enum maker_rule kind, struct interface_id link,
		  uint32_t preference, struct error *err);

/* host_rule_delete() - remove a rule of ours; a missing one is no error. */
int host_rule_delete(struct host *host, enum maker_rule kind, const struct fib_rule *rule,
		     struct error *err);

/**
 * host_tap_route_add() - add a route to a tap's table, or to that of all guests, instead of one to
 * the same destination.
 * host_tap_route_delete() - remove such a route; a missing one is no error.
 * @route: its table must be TAP_TABLE() of a tap, or for a route to a tap GUEST_TABLE; there one
 *         without a source has the metric 1.
 * @ifname: the name of its interface.
 */
int host_tap_route_add(struct host *host, const struct table_route *route, const char *ifname,
		       struct error *err);
int host_tap_route_delete(struct host *host, const struct table_route *route, const char *ifname,
			  struct error *err);

/**
 * host_arp_socket() - open a socket for ARP on the uplink, which is promiscuous as long as the
 * socket is open if @mode demands it; see arp_socket_listen() and promiscuous_set().
 * host_dhcp_socket() - open a socket for the guest's DHCP; see dhcp_socket_open().
 * host_frame_socket() - open a socket for all frames, before the uplink's table, on the tap for
 * source_socket_listen(), or on the uplink for access_socket_listen().
 *
 * Return: the socket or a negative errno.
 */
int host_arp_socket(struct host *host, struct interface_id uplink, enum promiscuous_mode mode,
		    struct error *err);
int host_dhcp_socket(struct host *host, struct interface_id tap, struct error *err);
int host_frame_socket(struct host *host, struct interface_id link, struct error *err);

/**
 * host_ask_open() - open what the kernel is asked by; see ask_open().
 * @fds: by enum ask_fd, owned by the caller.
 *
 * Return: 0 or a negative errno.
 */
int host_ask_open(struct host *host, struct interface_id tap, struct interface_id uplink,
		  struct in_addr guest, struct in_addr station, int fds[ASK_FDS],
		  struct error *err);

/* host_ask_listen() - open a socket that receives the changes of nf_tables; see ask_listen(). */
int host_ask_listen(struct host *host, struct error *err);

/**
 * host_allow_add() - have a chain of a firewall accept the guest's packets; see allow_add().
 * @culprit: with @base.
 *
 * Return: 0, -EPERM if another program owns the chain's table, or another negative errno.
 */
int host_allow_add(struct host *host, const struct verdict_culprit *culprit, const uint8_t uuid[16],
		   struct interface_id tap, struct interface_id uplink, struct in_addr address,
		   struct error *err);

/* host_allow_delete() - delete the VM's rules in all chains; none is no error. */
int host_allow_delete(struct host *host, const uint8_t uuid[16], struct error *err);

/* host_allow_sweep() - delete the rules of VMs whose tap is gone. */
int host_allow_sweep(struct host *host, struct error *err);

/**
 * struct host_table - descriptors that keep an uplink's table alive; the caller closes them
 * together.
 * @owner: netlink socket that owns the table.
 * @gate: descriptor of the gate, see gate_open(); -1 before host_table_bridge().
 * @groups: socket of gate_groups_open(); -1 before host_table_bridge().
 * @gate_ifindex: of the gate.
 */
struct host_table {
	int owner;
	int gate;
	int groups;
	unsigned int gate_ifindex;
};

/**
 * host_table_open() - make an uplink's table without a VM; see table.h.
 * host_table_bridge() - make what only bridged VMs need: the chains of the uplink, and the gate.
 * @table: untouched on failure and by host_table_bridge() in a dry run; host_table_open() fills it
 *         in with @owner, which is -1 in a dry run, and without the rest.
 *
 * Each reports its part in nft's syntax, in lines that begin with "# nft".
 *
 * Return: 0; -EBUSY or -EPERM if the uplink has one; -EOPNOTSUPP or -ENOENT if the kernel lacks a
 * part, which the message names; or another negative errno.
 */
int host_table_open(struct host *host, struct interface_id uplink, struct host_table *table,
		    struct error *err);
int host_table_bridge(struct host *host, struct interface_id uplink, struct host_table *table,
		      struct error *err);

/**
 * host_table_refresh() - put the uplink's present MAC and MTU and the host's present addresses into
 * the table. The caller must call it after each event that changes one of them.
 * @owner: of host_table_open(); unused in a dry run, here and in the calls below.
 *
 * Return: 0; -ENOENT if there is no table of the uplink's present name; -EPERM if another socket
 * owns it; or another negative errno.
 */
int host_table_refresh(struct host *host, struct interface_id uplink, int owner, struct error *err);

/**
 * host_table_vm() - put a VM into its uplink's table, or replace what differs: MAC, address, path.
 * @vm: the ifindex of its tap is 0 in a dry run.
 *
 * Return: as host_table_refresh(); -EADDRINUSE if the host or another VM has the address or MAC.
 */
int host_table_vm(struct host *host, struct interface_id uplink, int owner,
		  const struct table_vm *vm, struct error *err);

/**
 * host_table_delete() - delete an uplink's table, whose descriptors the caller closes later. That
 * there is none by the uplink's present name is no error.
 */
int host_table_delete(struct host *host, struct interface_id uplink, int owner, struct error *err);

/* host_table_dump() - have the kernel send a set's elements to the owner, where they are read. */
int host_table_dump(struct host *host, struct interface_id uplink, int owner,
		    enum table_counted set, struct error *err);

/**
 * host_table_vm_delete() - remove a VM from its uplink's table. Nothing to remove is no error: the
 * VM, the tap, the uplink or the table may be gone.
 */
int host_table_vm_delete(struct host *host, struct interface_id uplink, int owner,
			 struct interface_id tap, struct error *err);

#endif
