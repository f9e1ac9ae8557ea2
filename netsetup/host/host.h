// SPDX-License-Identifier: GPL-2.0-or-later
// The one file through which the host is changed: each change is said, then done.
#ifndef NETSETUP_HOST_HOST_H
#define NETSETUP_HOST_HOST_H

#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "netsetup/base/error.h"
#include "netsetup/kernel/netlink.h"
#include "netsetup/kernel/sysctl.h"

/* Marks our routes and proxy entries: 'ip route show proto 118', 'ip neigh show proxy proto 118'. */
#define HOST_PROTOCOL 118

struct authorization;

/**
 * struct host - the host as it is changed.
 * @route: rtnetlink socket.
 * @arp: packet socket on the uplink, of arp_open(); -1 when there is none, as in a dry run. It stays open while the VM lives: closing one waits for an
 *       RCU grace period of several milliseconds (packet_release() in net/packet/af_packet.c).
 * @dry_run: say each change, do none.
 * @report: told each change, before it is made, as the command that a person would have typed; or
 *       NULL.
 * @context: passed to @report.
 * @authorization: what the asker is permitted on it; NULL: everything.
 * @client: the socket to the asker, whose end ends what takes long; or NULL.
 */
struct host {
	struct nl_sock *route;
	int arp;
	bool dry_run;
	void (*report)(const char *command, void *context);
	void *context;
	const struct authorization *authorization;
	const int *client;
};

/* An interface as the calls here name it: the name for people, the index for the kernel. */
struct interface_id {
	const char *ifname;
	unsigned int ifindex;
};

/**
 * host_report() - say a change that is about to be made.
 * @host: the host.
 * @format: printf format of the command.
 *
 * Return: whether it is to be made; false in a dry run.
 */
bool host_report(struct host *host, const char *format, ...) __attribute__((format(printf, 2, 3)));

/**
 * host_tap_add() - create the VM's tap, see tap_open().
 * @host: the host.
 * @ifname: its name.
 * @queues: 1..QUEUES_MAX.
 * @offload: with vnet headers.
 * @fds: one descriptor for each queue; untouched by a dry run.
 * @ifindex: the tap's; 0 by a dry run.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int host_tap_add(struct host *host, const char *ifname, unsigned int queues, bool offload, int *fds,
		 unsigned int *ifindex, struct error *err);

/**
 * host_link_delete() - remove an interface, with its routes and sysctls; one that is gone is no error.
 *
 * Returns as soon as the interface is out of the namespace. The kernel then still waits for an RCU
 * grace period, 10 to 20 ms, before it answers the request (netdev_run_todo() in net/core/dev.c); a
 * child that does nothing else waits for that.
 */
int host_link_delete(struct host *host, struct interface_id link, struct error *err);

/* host_link_up() - set an interface's MTU in bytes and bring it up. */
int host_link_up(struct host *host, struct interface_id link, unsigned int mtu, struct error *err);

/* host_sysctl() - set one value. */
int host_sysctl(struct host *host, const struct sysctl *sysctl, int value, struct error *err);

/**
 * host_route_add() - add the host route to the guest, without a preferred source: one with 'src'
 * would go away with the uplink's address.
 */
int host_route_add(struct host *host, struct in_addr address, struct interface_id tap,
		   struct error *err);

/* host_route_delete() - remove that route; one that is gone is no error. */
int host_route_delete(struct host *host, struct in_addr address, struct interface_id tap,
		      struct error *err);

/**
 * host_proxy_add() - let the kernel answer ARP requests for the guest's address on the uplink
 * (arp_process() in net/ipv4/arp.c), and read the entry back.
 */
int host_proxy_add(struct host *host, struct in_addr address, struct interface_id uplink,
		   struct error *err);

/* host_proxy_delete() - remove that entry; one that is gone is no error. */
int host_proxy_delete(struct host *host, struct in_addr address, struct interface_id uplink,
		      struct error *err);

/**
 * host_file_remove() - remove a file of a directory of leases.
 * @host: the host.
 * @dir: the directory, locked.
 * @path: its path, or NULL for that of this network namespace.
 * @name: the file's.
 */
void host_file_remove(struct host *host, int dir, const char *path, const char *name);

/* host_announce() - gratuitous ARP: the guest's address is at the uplink's MAC (RFC 5227, 2.3). */
int host_announce(struct host *host, struct in_addr address, struct interface_id uplink,
		  const struct ether_addr *mac, struct error *err);

#endif
