// SPDX-License-Identifier: GPL-2.0-or-later
// Detects address conflicts and defends the guest's address (RFC 5227).
#ifndef NETSETUP_WORKER_ACD_H
#define NETSETUP_WORKER_ACD_H

#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "netsetup/kernel/arp.h"

/**
 * struct acd - conflict detection of one address; the kernel has none for proxied addresses.
 * @address: the address that is defended now; 0.0.0.0: none.
 * @last_conflict: last claim by another host, ms of CLOCK_BOOTTIME; 0: none.
 * @last_defence: last announcement against a claim; 0: none.
 * @last_report: last conflict that acd_receive() has reported; 0: none.
 * @announce_at: time of the next announcement, ms of CLOCK_MONOTONIC; 0: none.
 * @repeat: true if there is one every ACD_REPEAT_MS.
 */
struct acd {
	struct in_addr address;
	uint64_t last_conflict;
	uint64_t last_defence;
	uint64_t last_report;
	uint64_t announce_at;
	bool repeat;
};

/* Interval of announcements where requests for the address are hidden from this host. */
#define ACD_REPEAT_MS 60000

/**
 * acd_start() - defend an address.
 * @acd: keeps what it knows of the same address.
 */
void acd_start(struct acd *acd, struct in_addr address);

/**
 * acd_announce() - announce the address now and ANNOUNCE_INTERVAL, 2 s, later (RFC 5227 section
 * 2.3).
 * @socket: for arp_socket_listen().
 * @mac: hardware address of its interface.
 * @now: ms of CLOCK_MONOTONIC.
 */
void acd_announce(struct acd *acd, int socket, const struct ether_addr *mac, uint64_t now);

/* acd_repeat() - announce the address every ACD_REPEAT_MS, or once more if that is due. */
void acd_repeat(struct acd *acd, bool repeat, uint64_t now);

/* acd_step() - send the announcement that is due. */
void acd_step(struct acd *acd, int socket, const struct ether_addr *mac, uint64_t now);

/**
 * acd_receive() - answer one ARP packet. A probe for the address gets a reply, which the kernel
 * does not send for a proxied one (arp_process() in net/ipv4/arp.c, the case of a zero sender). A
 * claim gets an announcement, but not twice within DEFEND_INTERVAL, 10 s (section 2.4 (c)).
 * @arp: of another host.
 * @now: ms of CLOCK_BOOTTIME: two claims before and after a suspend are far apart.
 *
 * Return: true if that host insists on the address by a second claim within that interval; at most
 * once a second.
 */
bool acd_receive(struct acd *acd, int socket, const struct ether_addr *mac, const struct arp *arp,
		 uint64_t now);

#endif
