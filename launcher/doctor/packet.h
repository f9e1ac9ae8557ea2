// SPDX-License-Identifier: GPL-2.0-or-later
// Describes the first packet of a connection, and what a firewall does to it.
#ifndef LAUNCHER_DOCTOR_PACKET_H
#define LAUNCHER_DOCTOR_PACKET_H

/* First: the kernel's headers leave out what these have defined, but not vice versa. */
#include <net/if.h>
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <stdbool.h>

/* The name of a chain, in the syntax of nft(8): "ip filter FORWARD". */
#define PACKET_CHAIN_SIZE 272

/**
 * struct packet - an IPv4 packet that begins a connection, of any protocol.
 * @in, @out: names of its interfaces; NULL: the tap of any VM.
 */
struct packet {
	const char *in;
	const char *out;
	struct in_addr source;
	struct in_addr destination;
};

enum packet_outcome {
	PACKET_CONTINUE, /* nothing decides */
	PACKET_ACCEPT,
	PACKET_RETURN, /* to the calling chain */
	PACKET_DROP,
	PACKET_TRANSLATE, /* another source address */
};

/**
 * struct packet_fate - the end of a packet's way through a hook.
 * @chain: the base chain that decides, if @outcome is PACKET_DROP or PACKET_TRANSLATE.
 * @unsure: a rule on the way was not understood, such as one with a set.
 */
struct packet_fate {
	enum packet_outcome outcome;
	char chain[PACKET_CHAIN_SIZE];
	bool unsure;
};

#endif
