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
#include "netsetup/maker/allow.h"

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
	MAKER_LINK_DOWN,
	MAKER_LINK_DELETE,
	MAKER_SYSCTL,
	MAKER_ROUTE_ADD,
	MAKER_ROUTE_DELETE,
	MAKER_PROXY_ADD,
	MAKER_PROXY_DELETE,
	MAKER_ARP_SOCKET,
	MAKER_FRAME_SOCKET,
	MAKER_DHCP_SOCKET,
	MAKER_TABLE_OPEN,
	MAKER_TABLE_BRIDGE,
	MAKER_TABLE_REFRESH,
	MAKER_TABLE_VM,
	MAKER_TABLE_VM_DELETE,
	MAKER_TABLE_DELETE,
	MAKER_TABLE_DUMP,
	MAKER_RULE_ADD,
	MAKER_RULE_DELETE,
	MAKER_TAP_ROUTE_ADD,
	MAKER_TAP_ROUTE_DELETE,
	MAKER_ASK_OPEN,
	MAKER_ASK_LISTEN,
	MAKER_ALLOW_ADD,
	MAKER_ALLOW_SWEEP,
	MAKER_ALLOW_DELETE,
};

/*
 * Policy rules of VMs, in their order; the first one is for all. The kernel takes the first rule
 * that gives a route. Here IF is a tap or an uplink.
 */
enum maker_rule {
	MAKER_RULE_GUESTS, /* lookup GUEST_TABLE: other rules cannot take the guests' packets */
	MAKER_RULE_LOCAL,  /* iif IF lookup local: this host's own addresses come before the rest */
	MAKER_RULE_TABLE,  /* iif TAP lookup the tap's table: the LAN, and its router */
	MAKER_RULE_STOP,   /* iif IF, nothing else: no other network of this host */
	MAKER_RULES,
};

/**
 * struct maker_request - a request. Members that a type does not name are zero.
 * @type: enum maker_type.
 * @ifindex: all but MAKER_TAP_ADD, MAKER_RULE_DELETE, MAKER_ASK_LISTEN, MAKER_ALLOW_SWEEP and
 *           MAKER_ALLOW_DELETE: the interface; MAKER_TAP_ROUTE_*: the uplink, or the tap for the
 *           guest's address; MAKER_TABLE_*, MAKER_ASK_OPEN, MAKER_ALLOW_ADD: the uplink.
 * @ifname: MAKER_TAP_ADD: name of the new tap; MAKER_TAP_ROUTE_DELETE, MAKER_RULE_DELETE: name of
 *          the interface, which may be gone, or empty for a rule without one.
 * @address: MAKER_ROUTE_*, MAKER_PROXY_*, MAKER_RULE_*, MAKER_TABLE_VM, MAKER_ASK_OPEN,
 *           MAKER_ALLOW_ADD: the guest's. MAKER_TAP_ROUTE_*: network of the destination, 0.0.0.0
 *           for a default route.
 * @router: MAKER_TAP_ROUTE_*: next hop, or 0.0.0.0; of a route to the tap: this host's source
 *          address.
 * @mac: MAKER_LINK_UP: the tap's; MAKER_TABLE_VM: the guest's.
 * @number: MAKER_TAP_ADD: queues; MAKER_LINK_UP: MTU; MAKER_SYSCTL: the value; MAKER_ARP_SOCKET:
 *          enum promiscuous_mode; MAKER_TABLE_VM: enum table_path; MAKER_TABLE_DUMP: enum
 *          table_counted; MAKER_RULE_*: the preference; MAKER_TAP_ROUTE_*: length of the
 *          destination's prefix; MAKER_ALLOW_SWEEP: 1: delete them.
 * @offload: MAKER_TAP_ADD: 1: with vnet headers.
 * @key: MAKER_SYSCTL: of maker_sysctl_key(); MAKER_RULE_*: enum maker_rule.
 * @tap_ifindex: MAKER_TABLE_VM*, MAKER_ASK_OPEN, MAKER_ALLOW_ADD: the VM's tap. MAKER_RULE_DELETE
 *               of MAKER_RULE_TABLE, MAKER_TAP_ROUTE_*: the tap, which has the table TAP_TABLE()
 *               and may be gone.
 * @owner: MAKER_TABLE_*, but MAKER_TABLE_OPEN: the socket that owns the table. maker_call() passes
 *         it to the maker, which has another number for it.
 * @station: MAKER_ASK_OPEN: an address of the LAN.
 * @allow: MAKER_ALLOW_ADD; MAKER_ALLOW_DELETE: its uuid.
 */
struct maker_request {
	uint32_t type;
	uint32_t ifindex;
	char ifname[IFNAMSIZ];
	struct in_addr address;
	struct in_addr router;
	struct ether_addr mac;
	uint16_t offload;
	int32_t number;
	uint32_t key;
	uint32_t tap_ifindex;
	int32_t owner;
	struct in_addr station;
	struct allow allow;
};

/**
 * struct maker_answer - an answer, with the descriptors of a tap or a socket; MAKER_TABLE_OPEN: the
 * table's owner; MAKER_TABLE_BRIDGE: the gate, and the socket of gate_groups_open().
 * @code: 0, or a positive errno value; then @error has the message.
 * @ifindex: MAKER_TAP_ADD: the tap's; MAKER_TABLE_BRIDGE: the gate's; MAKER_ALLOW_SWEEP: the number
 *           of rules whose taps are gone.
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
 * maker_run() - serve the service's requests until its end-of-file.
 *
 * The caller has confined the process.
 *
 * Return: 0, or a negative errno, after which the process must end.
 */
int maker_run(int socket, struct error *err);

#endif
