// SPDX-License-Identifier: GPL-2.0-or-later
// Proves by ARP probes that addresses are free (RFC 5227 section 2.1).
#ifndef NETSETUP_WORKER_PROBE_H
#define NETSETUP_WORKER_PROBE_H

#include <net/ethernet.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netsetup/kernel/arp.h"
#include "netsetup/worker/worker_message.h"

/**
 * struct probe_timing - times of the probes, in milliseconds.
 * @delay_max: limit of the random delay before the first probe.
 * @count: probes for each address.
 * @interval_min, @interval_max: bounds of the random time between two probes.
 * @wait: after the last probe.
 */
struct probe_timing {
	unsigned int delay_max;
	unsigned int count;
	unsigned int interval_min;
	unsigned int interval_max;
	unsigned int wait;
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
 * struct probe_batch - addresses that are being probed.
 * @timing: NULL: none are.
 * @probes: the addresses and their results.
 * @free_count: number of probes that are not taken.
 * @round: number of rounds that were sent.
 * @deadline: time of the next step, ms of CLOCK_MONOTONIC.
 * @job: of the request.
 * @error: positive errno that ended the probes, or 0.
 */
struct probe_batch {
	const struct probe_timing *timing;
	struct probe probes[PROBE_BATCH_MAX];
	size_t count;
	size_t free_count;
	unsigned int round;
	uint64_t deadline;
	uint32_t job;
	int error;
};

/**
 * probe_start() - begin to probe addresses; sends nothing yet.
 * @probes: @count addresses, 1..PROBE_BATCH_MAX.
 * @now: ms of CLOCK_MONOTONIC.
 */
void probe_start(struct probe_batch *batch, const struct probe_timing *timing,
		 const struct probe *probes, size_t count, uint64_t now);

/* probe_fail() - end the probes with an error: all addresses become taken. */
void probe_fail(struct probe_batch *batch, int error);

/**
 * probe_receive() - apply one ARP packet to the batch.
 * @mac: our own hardware address.
 */
void probe_receive(struct probe_batch *batch, const struct ether_addr *mac, const struct arp *arp);

/**
 * probe_step() - send the probes that are due. All packets that came before @now must have been
 * applied.
 * @socket: for arp_socket_listen().
 * @mac: hardware address of its interface.
 * @now: ms of CLOCK_MONOTONIC.
 *
 * Return: true if the results are there: all addresses are taken, the time is over, or the
 * interface failed.
 */
bool probe_step(struct probe_batch *batch, int socket, const struct ether_addr *mac, uint64_t now);

/**
 * probe_judge() - apply one ARP packet to probes.
 * @mac: our own hardware address; packets from it are ignored.
 * @probes: each one that the packet shows to be in use becomes taken.
 *
 * Return: the number of probes that became taken.
 */
size_t probe_judge(const struct arp *arp, const struct ether_addr *mac, struct probe *probes,
		   size_t count);

#endif
