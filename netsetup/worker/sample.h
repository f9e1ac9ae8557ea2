// SPDX-License-Identifier: GPL-2.0-or-later
// Builds the sample packets by which the kernel is asked if it forwards.
#ifndef NETSETUP_WORKER_SAMPLE_H
#define NETSETUP_WORKER_SAMPLE_H

#include <net/ethernet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "netsetup/protocol/verdict.h"

/* The IPv4 identification of a sample is ASK_SAMPLE_ID and sample_number(). */
#define SAMPLE_COUNT (VERDICT_DIRECTIONS * VERDICT_KINDS)

/* Largest sample: Ethernet and IPv4 header, a TCP header with one option. */
#define SAMPLE_SIZE_MAX (14 + 20 + 24)

/**
 * struct sample_ends - the ends of the samples.
 * @gate: hardware address to which the frames are sent.
 * @guest_mac: hardware address of the guest; it sends the frames.
 * @guest: the guest's address.
 * @station: an address of the LAN.
 */
struct sample_ends {
	struct ether_addr gate;
	struct ether_addr guest_mac;
	struct in_addr guest;
	struct in_addr station;
};

/* sample_number() - the number of a sample, 0..SAMPLE_COUNT - 1. */
unsigned int sample_number(enum verdict_direction direction, enum verdict_kind kind);

/* sample_source(), sample_target() - the addresses of a sample in a direction. */
struct in_addr sample_source(const struct sample_ends *ends, enum verdict_direction direction);
struct in_addr sample_target(const struct sample_ends *ends, enum verdict_direction direction);

/**
 * sample_build() - build a frame: a TCP SYN, a UDP datagram or an echo request.
 * @number: of sample_number().
 *
 * Return: its size in bytes.
 */
size_t sample_build(const struct sample_ends *ends, unsigned int number,
		    uint8_t frame[SAMPLE_SIZE_MAX]);

#endif
