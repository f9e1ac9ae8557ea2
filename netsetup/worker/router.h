// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the router's hardware address by ARP (RFC 4436).
#ifndef NETSETUP_WORKER_ROUTER_H
#define NETSETUP_WORKER_ROUTER_H

#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "netsetup/kernel/arp.h"

/**
 * struct router - the search for one router.
 * @address: 0.0.0.0: there is no search.
 * @host: the address that asks.
 * @mac: hardware address of the router, zero before it has answered.
 * @asked: number of requests that were sent.
 * @deadline: time of the next step, ms of CLOCK_MONOTONIC.
 * @job: of the request.
 * @error: positive errno that ended the search, or 0.
 */
struct router {
	struct in_addr address;
	struct in_addr host;
	struct ether_addr mac;
	unsigned int asked;
	uint64_t deadline;
	uint32_t job;
	int error;
};

/* router_receive() - apply one ARP packet to the search. */
void router_receive(struct router *router, const struct arp *arp);

/**
 * router_step() - send the request that is due. All packets that came before @now must have been
 * applied.
 * @socket: for arp_socket_listen().
 * @mac: hardware address of its interface.
 * @now: ms of CLOCK_MONOTONIC.
 *
 * Return: true if the search is over: the router has answered, did not answer 3 requests within 60
 * ms each, or the interface failed.
 */
bool router_step(struct router *router, int socket, const struct ether_addr *mac, uint64_t now);

#endif
