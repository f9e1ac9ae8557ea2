// SPDX-License-Identifier: GPL-2.0-or-later
// Makes and undoes single changes to the host, each of which it checks itself.
#ifndef NETSETUP_MAKER_MAKER_H
#define NETSETUP_MAKER_MAKER_H

#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>

#include "netsetup/base/error.h"
#include "netsetup/kernel/netlink.h"
#include "netsetup/kernel/sysctl.h"

/*
 * Theory of operation: the maker is the only process with capabilities. It is a child of the
 * service, which has none after its start, and which decides what is changed: the policy, the
 * clients and the state are the service's. The maker has no state. It answers one request after the
 * other on a SOCK_SEQPACKET socket pair; both sides are of one binary. It trusts the service in
 * nothing that it can check: a request can concern only taps of ours, by index, and the addresses,
 * values and sockets that a VM needs on an Ethernet interface that is no tap. The end of either
 * process is the end of both.
 */

/* The descriptor on which the maker finds its socket to the service. */
#define MAKER_FD 3

/* Most descriptors of an answer: the queues of a tap. */
#define MAKER_FDS_MAX 8

enum maker_type {
	MAKER_TAP_ADD,
	MAKER_LINK_UP,
	MAKER_LINK_DELETE,
	MAKER_FILTER,
	MAKER_SYSCTL,
	MAKER_ROUTE_ADD,
	MAKER_ROUTE_DELETE,
	MAKER_PROXY_ADD,
	MAKER_PROXY_DELETE,
	MAKER_ARP_SOCKET,
	MAKER_DHCP_SOCKET,
};

/**
 * struct maker_request - a request. Members that a type does not name are zero.
 * @type: enum maker_type.
 * @ifindex: all but MAKER_TAP_ADD: the interface.
 * @ifname: MAKER_TAP_ADD: name of the new tap.
 * @address: MAKER_FILTER, MAKER_ROUTE_*, MAKER_PROXY_*: the guest's.
 * @source: MAKER_ROUTE_ADD: the preferred source of this host's packets.
 * @mac: MAKER_LINK_UP: the tap's.
 * @number: MAKER_TAP_ADD: queues; MAKER_LINK_UP: MTU; MAKER_SYSCTL: the value; MAKER_ARP_SOCKET:
 *          enum promiscuous_mode.
 * @offload: MAKER_TAP_ADD: 1: with vnet headers.
 * @key: MAKER_SYSCTL: of maker_sysctl_key().
 */
struct maker_request {
	uint32_t type;
	uint32_t ifindex;
	char ifname[IFNAMSIZ];
	struct in_addr address;
	struct in_addr source;
	struct ether_addr mac;
	uint16_t offload;
	int32_t number;
	uint32_t key;
};

/**
 * struct maker_answer - an answer, with the descriptors of a tap or a socket.
 * @code: 0, or a positive errno value; then @error has the message.
 * @ifindex: MAKER_TAP_ADD: the tap's.
 */
struct maker_answer {
	int32_t code;
	uint32_t ifindex;
	struct error error;
};

/* maker_sysctl_key() - find the number of a value that the maker sets; -1 if it does not. */
int maker_sysctl_key(const struct sysctl *sysctl);

/**
 * maker_execute() - check a request and make its change.
 * @route: rtnetlink socket.
 * @fds: owned by the caller, -1 where there is none.
 *
 * Return: 0, -EPERM if the request is none of a VM's, or another negative errno.
 */
int maker_execute(struct nl_sock *route, const struct maker_request *request, uint32_t *ifindex,
		  int fds[MAKER_FDS_MAX], struct error *err);

/**
 * maker_call() - have the maker execute a request, and wait for it.
 * @socket: to the maker.
 *
 * Return: as maker_execute(); -ECONNRESET if the maker has ended.
 */
int maker_call(int socket, const struct maker_request *request, uint32_t *ifindex,
	       int fds[MAKER_FDS_MAX], struct error *err);

/**
 * maker_run() - serve the service's requests until its end-of-file.
 *
 * The caller has confined the process.
 *
 * Return: 0, or a negative errno, after which the process must end.
 */
int maker_run(int socket, struct error *err);

#endif
