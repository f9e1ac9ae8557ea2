// SPDX-License-Identifier: GPL-2.0-or-later
// Proves by ARP probes that addresses are free (RFC 5227 section 2.1).
#ifndef NETSETUP_LEASE_PROBE_H
#define NETSETUP_LEASE_PROBE_H

#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "netsetup/base/error.h"
#include "netsetup/kernel/arp.h"

/* Maximum number of addresses that are probed at once. */
#define PROBE_BATCH_MAX 128

/**
 * struct probe_timing - times of the probes, in milliseconds.
 * @delay_max: limit of the random delay before the first probe.
 * @count: probes for each address.
 * @interval_min, @interval_max: bounds of the random time between two probes.
 * @wait: after the last probe.
 * @client: socket of the client; its end-of-file ends probing; may be NULL.
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
 * RFC 5227 section 1.1: PROBE_WAIT 1 s, PROBE_NUM 3, PROBE_MIN 1 s, PROBE_MAX 2 s, ANNOUNCE_WAIT 2
 * s. The shorter times are for a waiting user: the address of the last time here costs 210 ms, a
 * new one 900 ms, enough for a phone that answers at its next beacon.
 */
extern const struct probe_timing probe_strict;
extern const struct probe_timing probe_new;
extern const struct probe_timing probe_remembered;

/**
 * struct probe - one address and the result of its probes.
 * @taken: another host uses it, or probes for it at the same time.
 * @mac: hardware address of that host, if @taken.
 */
struct probe {
	struct in_addr address;
	bool taken;
	struct ether_addr mac;
};

/**
 * probe_run() - probe addresses and wait for answers; returns early if all are taken.
 * @socket: of arp_open(), on the interface.
 * @mac: hardware address of the interface.
 * @probes: the addresses; the results are filled in.
 * @count: 1..PROBE_BATCH_MAX.
 *
 * Return: 0, -ECONNRESET if the client is gone, or another negative errno.
 */
int probe_run(int socket, unsigned int ifindex, const struct ether_addr *mac,
	      const struct probe_timing *timing, struct probe *probes, size_t count,
	      struct error *err);

/**
 * probe_judge() - apply one ARP packet to the probes.
 * @mac: our own hardware address; packets from it are ignored.
 * @probes: each one that the packet shows to be in use becomes taken.
 *
 * Return: the number of probes that became taken.
 */
size_t probe_judge(const struct arp *arp, const struct ether_addr *mac, struct probe *probes,
		   size_t count);

#endif
