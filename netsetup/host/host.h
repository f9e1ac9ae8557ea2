// SPDX-License-Identifier: GPL-2.0-or-later
// Makes and undoes each change to the host, and reports it first.
#ifndef NETSETUP_HOST_HOST_H
#define NETSETUP_HOST_HOST_H

#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "netsetup/base/error.h"
#include "netsetup/kernel/netlink.h"
#include "netsetup/kernel/sysctl.h"

/*
 * Marks our routes and proxy entries: 'ip route show proto 118', 'ip neigh show proxy proto 118'.
 */
#define HOST_PROTOCOL 118

struct authorization;

/**
 * struct host - access to the host's network.
 * @route: rtnetlink socket.
 * @arp: packet socket on the uplink, of arp_open(); -1 for none, as in a dry run. It stays open
 *       while the VM lives: close() waits for an RCU grace period of several milliseconds
 *       (packet_release() in net/packet/af_packet.c).
 * @dry_run: report each change, make none.
 * @report: called before each change with the command that a person would type; may be NULL.
 * @context: passed to @report.
 * @authorization: limits of the client; NULL: none.
 * @client: socket to the client, whose end-of-file ends long waits; may be NULL.
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

/* An interface: the name is for messages, the index for the kernel. */
struct interface_id {
	const char *ifname;
	unsigned int ifindex;
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
 * Returns as soon as the interface is out of the namespace. The kernel answers the request only
 * after an RCU grace period of 10 to 20 ms (netdev_run_todo() in net/core/dev.c). A child waits for
 * that answer and does nothing else.
 */
int host_link_delete(struct host *host, struct interface_id link, struct error *err);

/* host_link_up() - set an interface's MTU in bytes and bring it up. */
int host_link_up(struct host *host, struct interface_id link, unsigned int mtu, struct error *err);

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
 * host_file_remove() - remove a file of a lease directory.
 * @dir: the directory, locked.
 * @path: its path for the report; NULL: the path of this network namespace's directory.
 * @name: name of the file.
 */
void host_file_remove(struct host *host, int dir, const char *path, const char *name);

/* host_announce() - gratuitous ARP: the guest's address is at the uplink's MAC (RFC 5227, 2.3). */
int host_announce(struct host *host, struct in_addr address, struct interface_id uplink,
		  const struct ether_addr *mac, struct error *err);

#endif
