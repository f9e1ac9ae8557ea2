// SPDX-License-Identifier: GPL-2.0-or-later
// Describes one VM of the service, and what the state file has of it.
#ifndef NETSETUP_SERVICE_VM_H
#define NETSETUP_SERVICE_VM_H

#include "netsetup/protocol/protocol.h"
#include "netsetup/service/search.h"
#include "netsetup/service/uplink_check.h"

/**
 * struct proof - the network in which the VM's address was proven free.
 * @prefix: of its subnet; length 0: none.
 * @ifindex: of the uplink.
 * @router: or 0.0.0.0.
 * @router_mac: its hardware address, zero if unknown. Many networks have the same numbers,
 *              192.168.1.0/24 and the router at .1, but each router is in only one.
 * @carrier_changes: the uplink's count: while it stays, the host is in the same network.
 */
struct proof {
	struct prefix prefix;
	uint32_t ifindex;
	struct in_addr router;
	struct ether_addr router_mac;
	uint32_t carrier_changes;
};

/**
 * struct vm_record - a VM in the state file. A VM with several cards has one for each. How it may
 * change is in the theory of operation of state.h.
 * @id: number of the VM, unique while the state lasts.
 * @uid: user ID of the client.
 * @launcher: pid of the client, for messages.
 * @tap: name of its tap.
 * @tap_ifindex: 0 if there is none.
 * @address: the VM's; 0.0.0.0 if it has none yet.
 * @published_on: index of the uplink that may have the proxy entry; 0: none.
 * @path: PATH_ROUTED or PATH_BRIDGED; PATH_AUTO before it is chosen.
 * @table: index of the uplink whose table may have the VM; 0: none.
 * @passed: the address with which that table lets the guest send; 0.0.0.0: none.
 * @ruled: 1: chains of a firewall may have rules for it.
 * @access: enum access_result.
 * @answered: 1: the client has the answer to RECORD_ATTACH, with the tap.
 * @attach: the latest request; a part of its own in the file.
 */
struct vm_record {
	uint32_t id;
	uint32_t uid;
	int32_t launcher;
	char tap[IFNAMSIZ];
	uint32_t tap_ifindex;
	struct in_addr address;
	uint32_t published_on;
	uint32_t path;
	uint32_t table;
	struct in_addr passed;
	uint32_t answered;
	struct proof proof;
	uint32_t ruled;
	uint32_t access;
	struct attach_record attach;
};

enum vm_phase {
	VM_IDLE,     /* no request is pending */
	VM_FINDING,  /* a request waits for the router's answer to the worker */
	VM_PROBING,  /* a request waits for the worker's probes */
	VM_ASKING,   /* the same, with a free address that is known already */
	VM_SAMPLING, /* the worker asks if the kernel forwards; a new VM waits for the answer */
};

/* struct vm_station - an uplink with one hardware address, while it keeps its carrier. */
struct vm_station {
	unsigned int ifindex;
	struct ether_addr mac;
	uint32_t carrier_changes;
};

/**
 * struct vm_ask - the latest verdict, and its place. Times are monotonic_ms(); 0: none.
 * @ifindex, @address: the place for which the kernel was asked; 0: none yet.
 * @at: time of the next question.
 * @last: time of the last question.
 * @rounds: questions since the last change from outside.
 * @refused: a chain has refused our rules.
 * @asker: connection of a client that is sent the next verdict; 0: none.
 */
struct vm_ask {
	unsigned int ifindex;
	struct in_addr address;
	uint64_t at;
	uint64_t last;
	unsigned int rounds;
	bool refused;
	int asker;
	struct verdict verdict;
};

/**
 * struct vm - one VM.
 * @client: connection to the client; -1 after it was lost by a restart.
 * @lost_until: monotonic_ms() at which a VM without a client is undone.
 * @uplink: as verified last; ifindex 0: not yet.
 * @arp: the uplink on which the worker has an ARP socket; ifindex 0: none. A request that was
 *       refused may have set @uplink.
 * @arp_failures: number of times that the socket failed, or may have, since it was opened for a
 *                request.
 * @tabled: the table has the VM as @record says.
 * @announced: the uplink of the last announcement; ifindex 0: none.
 * @tap_fds: one for each queue until the client has them, else -1.
 * @sources_open: the worker checks from what address the guest sends.
 * @dhcp_open: the worker serves the guest's DHCP.
 * @dhcp: the client's end of the DHCP socket until the client has it, else -1.
 * @router_mac: hardware address of the present uplink's router; zero if unknown.
 * @found: the free address, with VM_ASKING.
 * @unasked: the address is new here: the access point is asked when it is announced.
 * @access_job: of the question to the access point; 0: none.
 * @job: of the message that waits for the worker's answer.
 */
struct vm {
	struct vm *next;
	struct vm_record record;
	int client;
	uint64_t lost_until;
	struct uplink_facts uplink;
	struct vm_station arp;
	unsigned int arp_failures;
	bool tabled;
	struct vm_station announced;
	int tap_fds[QUEUES_MAX];
	bool sources_open;
	bool dhcp_open;
	int dhcp;
	enum vm_phase phase;
	struct ether_addr router_mac;
	struct in_addr found;
	bool unasked;
	uint32_t access_job;
	uint32_t job;
	struct search search;
	struct vm_ask ask;
};

/* vm_station() - the present uplink; vm_same_station() - true if it is still this one. */
struct vm_station vm_station(const struct vm *vm);
bool vm_same_station(const struct vm *vm, const struct vm_station *station);

/* vm_new() - make a VM without anything; NULL if memory ran out. */
struct vm *vm_new(void);

/* vm_free() - close a VM's descriptors and free it; may be NULL. */
void vm_free(struct vm *vm);

/**
 * vm_dead() - true if the VM has neither a client nor a tap: no client can attach it again. The
 * kernel removes a tap with its last descriptor, which vmrun and QEMU have.
 */
bool vm_dead(const struct vm *vm);

/* vm_tap() - name and index of the VM's tap. */
struct interface_id vm_tap(const struct vm *vm);

#endif
