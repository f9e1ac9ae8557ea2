// SPDX-License-Identifier: GPL-2.0-or-later
// Proves by ARP probes that addresses are free (RFC 5227 section 2.1), several at once.
#ifndef NETSETUP_LEASE_PROBE_H
#define NETSETUP_LEASE_PROBE_H

#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "netsetup/base/error.h"
#include "netsetup/kernel/arp.h"

/* How many addresses are probed at once at the most. */
#define PROBE_BATCH_MAX 128

/**
 * struct probe_timing - when probes are sent, in milliseconds.
 * @delay_max: before the first probe, chosen at random from 0 to this.
 * @count: probes for each address.
 * @interval_min, @interval_max: between two probes, chosen at random.
 * @wait: after the last probe.
 * @client: the socket of who waits for it; once that one is gone, probing ends; NULL: nobody.
 */
struct probe_timing {
	unsigned int delay_max;
	unsigned int count;
	unsigned int interval_min;
	unsigned int interval_max;
	unsigned int wait;
	const int *client;
};

/*
 * RFC 5227 section 1.1: PROBE_WAIT 1 s, PROBE_NUM 3, PROBE_MIN 1 s, PROBE_MAX 2 s, ANNOUNCE_WAIT
 * 2 s. The shorter ones are for a person who waits: an address that this VM had here last time
 * costs 210 ms, a new one 900 ms, time enough for a phone that answers at its next beacon.
 */
extern const struct probe_timing probe_strict;
extern const struct probe_timing probe_new;
extern const struct probe_timing probe_remembered;

/**
 * struct probe - one address and what was learned of it.
 * @address: the address.
 * @taken: somebody uses it, or probes for it too.
 * @mac: whose answer it was, when @taken.
 */
struct probe {
	struct in_addr address;
	bool taken;
	struct ether_addr mac;
};

/**
 * probe_run() - probe addresses and wait for answers; returns early when all are taken.
 * @socket: of arp_open(), on the interface.
 * @ifindex: the interface.
 * @mac: its hardware address.
 * @timing: when to send.
 * @probes: the addresses; filled in.
 * @count: how many, 1..PROBE_BATCH_MAX.
 * @err: the error.
 *
 * Return: 0, -ECONNRESET when the asker is gone, or another negative errno.
 */
int probe_run(int socket, unsigned int ifindex, const struct ether_addr *mac,
	      const struct probe_timing *timing, struct probe *probes, size_t count,
	      struct error *err);

/**
 * probe_judge() - learn from one ARP packet of another host.
 * @arp: the packet.
 * @mac: our own hardware address; packets with it are passed over.
 * @probes: the addresses; those that the packet shows to be used become taken.
 * @count: how many.
 *
 * Return: how many became taken.
 */
size_t probe_judge(const struct arp *arp, const struct ether_addr *mac, struct probe *probes,
		   size_t count);

#endif
