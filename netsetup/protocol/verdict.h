// SPDX-License-Identifier: GPL-2.0-or-later
// Describes which of the guest's packets the host forwards, and what drops the others.
#ifndef NETSETUP_PROTOCOL_VERDICT_H
#define NETSETUP_PROTOCOL_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netsetup/base/modes.h"

/*
 * The kernel is asked with one packet of each kind in each direction. A firewall may drop one kind
 * only: ufw forwards echo requests, and drops TCP.
 */
enum verdict_kind {
	VERDICT_TCP, /* the SYN of a connection */
	VERDICT_UDP,
	VERDICT_ECHO, /* ICMP echo request */
	VERDICT_KINDS,
};

enum verdict_direction {
	VERDICT_OUT, /* from the guest to the LAN */
	VERDICT_IN,  /* from the LAN to the guest */
	VERDICT_DIRECTIONS,
};

/* The fate of a packet. */
enum verdict_fate {
	VERDICT_UNKNOWN,
	VERDICT_PASSES,
	VERDICT_DROPPED,    /* by a chain of nf_tables, which a culprit names */
	VERDICT_VANISHED,   /* in the forward hook, without a trace: iptables-legacy, BPF */
	VERDICT_UNROUTED,   /* before the forward hook: no route, reverse-path filter, raw tables */
	VERDICT_DIVERTED,   /* out of another interface, by a policy rule or a VPN */
	VERDICT_TRANSLATED, /* passes, with another source address */
	VERDICT_FATES,
};

/* The program that owns a chain, by the chain's and the table's name. */
enum verdict_owner {
	VERDICT_OTHER,
	VERDICT_DOCKER,
	VERDICT_UFW,
	VERDICT_FIREWALLD,
	VERDICT_NORDVPN,
	VERDICT_MULLVAD,
	VERDICT_LIBVIRT,
	VERDICT_OWNERS,
};

/* All packets together: what a data path is chosen by. */
enum verdict_forwarding {
	FORWARDING_UNKNOWN, /* not asked, or the kernel cannot answer */
	FORWARDING_OPEN,    /* all pass */
	FORWARDING_PARTLY,  /* some do */
	FORWARDING_CLOSED,  /* none does */
	FORWARDING_ALL,
};

#define VERDICT_CULPRITS_MAX 4

/**
 * struct verdict_culprit - the chain, and its rule, that dropped a packet.
 * @rule: handle of the rule; 0: the policy of the base chain.
 * @family: NFPROTO_IPV4 or NFPROTO_INET.
 * @owner: enum verdict_owner.
 * @table, @chain: their names. If one is cut, @base is empty.
 * @base: the base chain, from which rules jump to @chain; empty if no rule there can help, which
 *        compares both interfaces.
 */
struct verdict_culprit {
	uint64_t rule;
	uint8_t family;
	uint8_t owner;
	uint8_t reserved[6]; /* 0 */
	char table[NFT_NAME_SIZE];
	char chain[NFT_NAME_SIZE];
	char base[NFT_NAME_SIZE];
};

/**
 * struct verdict - the kernel's answer.
 * @fates: enum verdict_fate for each direction and kind.
 * @forwarding: enum verdict_forwarding.
 * @allowed: number of chains that have rules of ours for this VM.
 * @refused: 1: a chain refused such rules, because another program owns its table.
 * @culprit_count: number of culprits, each different.
 */
struct verdict {
	uint8_t fates[VERDICT_DIRECTIONS][VERDICT_KINDS];
	uint8_t forwarding;
	uint8_t allowed;
	uint8_t refused;
	uint8_t culprit_count;
	uint8_t reserved[6]; /* 0 */
	struct verdict_culprit culprits[VERDICT_CULPRITS_MAX];
};

/* verdict_judge() - compute the forwarding from the fates. */
enum verdict_forwarding verdict_judge(const struct verdict *verdict);

/**
 * verdict_check() - true if an untrusted verdict has valid values, and names of visible ASCII
 * characters without quotes, which a shell does not interpret in single quotes.
 */
bool verdict_check(const struct verdict *verdict);

/* verdict_equal() - true if two verdicts tell a user the same. */
bool verdict_equal(const struct verdict *a, const struct verdict *b);

/* verdict_name() - copy the name of a table or a chain; one that verdict_check() refuses is "?". */
void verdict_name(const char *name, size_t length, char copy[NFT_NAME_SIZE]);

/* verdict_family() - the name of a culprit's family for nft(8). */
const char *verdict_family(const struct verdict_culprit *culprit);

#endif
