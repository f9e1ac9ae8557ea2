// SPDX-License-Identifier: GPL-2.0-or-later
// Makes and undoes each change to the host, and reports it first.
#ifndef NETSETUP_HOST_HOST_H
#define NETSETUP_HOST_HOST_H

#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "netsetup/base/error.h"
#include "netsetup/base/ifname.h"
#include "netsetup/kernel/netlink.h"
#include "netsetup/kernel/sysctl.h"
#include "netsetup/maker/change.h"
#include "netsetup/protocol/protocol.h"

#define HOST_PROTOCOL CHANGE_PROTOCOL

/**
 * struct host - access to the host's network.
 * @route: rtnetlink socket, for queries.
 * @maker: socket to the maker; 0: this process makes the changes itself.
 * @dry_run: report each change, make none.
 * @report: called before each change with the command that a person would type; may be NULL.
 * @context: passed to @report.
 */
struct host {
	struct nl_sock *route;
	int maker;
	bool dry_run;
	void (*report)(const char *command, void *context);
	void *context;
};

/**
 * host_report() - report a change that is about to be made.
 * @format: printf format of the command.
 *
 * Return: true if the caller must make the change; false in a dry run.
 */
bool host_report(struct host *host, const char *format, ...) __attribute__((format(printf, 2, 3)));

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

/* host_link_up() - mark a tap as ours, set its hardware address and MTU in bytes, bring it up. */
int host_link_up(struct host *host, struct interface_id link, const struct ether_addr *mac,
		 unsigned int mtu, struct error *err);

/* host_sysctl() - write one value. */
int host_sysctl(struct host *host, const struct sysctl *sysctl, int value, struct error *err);

/**
 * host_route_add() - add the host route to the guest.
 * @source: this host's address on the uplink, with which it speaks to the guest. The kernel removes
 *          the route together with that address: the next move adds it again.
 */
int host_route_add(struct host *host, struct in_addr address, struct in_addr source,
		   struct interface_id tap, struct error *err);

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

/* host_filter() - let the guest send with its own address only; see antispoof.h. */
int host_filter(struct host *host, struct interface_id tap, struct in_addr address,
		struct error *err);

/**
 * host_arp_socket() - open a socket for ARP on the uplink, which is promiscuous as long as the
 * socket is open if @mode demands it; see arp_open() and promiscuous_set(). host_dhcp_socket() -
 * open a socket for the guest's DHCP; see dhcp_socket_open().
 *
 * Return: the socket or a negative errno.
 */
int host_arp_socket(struct host *host, struct interface_id uplink, enum promiscuous_mode mode,
		    struct error *err);
int host_dhcp_socket(struct host *host, struct interface_id tap, struct error *err);

#endif
