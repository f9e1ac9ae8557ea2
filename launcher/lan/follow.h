// SPDX-License-Identifier: GPL-2.0-or-later
// Decides where on the LAN a VM is, and which requests bring it there.
#ifndef LAUNCHER_LAN_FOLLOW_H
#define LAUNCHER_LAN_FOLLOW_H

#include <stdint.h>

#include "launcher/definition/machine_plan.h"
#include "launcher/lan/uplink.h"
#include "netsetup/protocol/protocol.h"

/*
 * Theory of operation: the functions of this file look at nothing but their arguments, and send
 * nothing. They return the requests that the caller must send. roam.c calls them.
 */

/* A conflict ends when the other host has been silent for this long. */
#define FOLLOW_CONFLICT_MS 30000

/* Requests to send, in this order. */
enum follow_action {
	FOLLOW_WITHDRAW = 1,
	FOLLOW_MOVE = 2, /* filled in by follow_request() */
};

/**
 * struct follow - all that the decisions depend on.
 * @network: of the definition, which outlives this.
 * @uplink: the uplink as last found; ifindex 0 before the first.
 * @found: true if it was there at the last look.
 * @place: the VM's place as far as it is known now.
 * @roam: true if the guest can get another address by DHCP.
 * @withdrawn: the VM is not published on any uplink.
 * @announce: the next move announces the address.
 * @conflict: the VM keeps its address although @conflicting_host insists on it.
 * @conflict_at: time of that host's last claim, ms.
 * @contested: the address that the VM gives up by the next move, or 0.0.0.0.
 */
struct follow {
	const struct network *network;
	struct uplink uplink;
	bool found;
	struct lan_place place;
	bool roam;
	bool withdrawn;
	bool announce;
	bool conflict;
	struct ether_addr conflicting_host;
	uint64_t conflict_at;
	struct in_addr contested;
};

/* follow_init() - begin before the first uplink is found. */
void follow_init(struct follow *follow, const struct network *network);

/**
 * follow_check() - check the definition's addresses against the uplink, before the first request.
 * @dns: the guest's @dns_count servers.
 * @err: the gateway is not in the uplink's subnet, or the fixed address is another machine's.
 *
 * Return: 0 or a negative errno.
 */
int follow_check(const struct network *network, const struct uplink *uplink,
		 const struct in_addr *dns, unsigned int dns_count, struct error *err);

/**
 * follow_find() - decide after a look for the uplink.
 * @found: the present uplink, or NULL.
 * @reason: text for users if @found is NULL.
 *
 * In the same network the address stays. Another network has another subnet, SSID or router. There
 * the VM gets another address if the guest can get one by DHCP. Otherwise it keeps the old one if
 * that is of the subnet, or waits for its own network.
 *
 * Return: enum follow_action bits.
 */
unsigned int follow_find(struct follow *follow, const struct uplink *found, const char *reason);

/**
 * follow_request() - fill in where the VM is to be: uplink, address, addresses to avoid.
 * @dns: the guest's @dns_count servers, which are avoided.
 * @attach: the rest is the caller's.
 */
void follow_request(const struct follow *follow, const struct in_addr *dns, unsigned int dns_count,
		    struct attach_record *attach);

/* follow_ready() - note a successful answer. */
void follow_ready(struct follow *follow, const struct ready_record *ready);

/**
 * follow_failed() - note that a move failed.
 * @retry: set to true if the failure may be temporary.
 *
 * Return: enum follow_action bits.
 */
unsigned int follow_failed(struct follow *follow, const struct error *error, bool *retry);

/**
 * follow_conflict() - decide after another host insisted on an address.
 * @now: ms.
 *
 * Return: enum follow_action bits.
 */
unsigned int follow_conflict(struct follow *follow, const struct conflict_record *conflict,
			     uint64_t now);

/**
 * follow_conflict_over() - note the end of a conflict if the other host is silent. The neighbours'
 * caches still have its claim, so the next move announces the address.
 *
 * Return: true if it has ended now, and a move must follow.
 */
bool follow_conflict_over(struct follow *follow, uint64_t now);

#endif
