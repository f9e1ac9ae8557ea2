// SPDX-License-Identifier: GPL-2.0-or-later
// Parses what nf_tables reports of a traced packet.
#ifndef NETSETUP_WORKER_TRACE_H
#define NETSETUP_WORKER_TRACE_H

#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "netsetup/protocol/verdict.h"

/**
 * struct trace - one step of a packet through a chain (nft_trace_notify() in
 * net/netfilter/nf_tables_trace.c).
 * @id: of the packet.
 * @family: NFPROTO_* of the table.
 * @rule: handle of the rule; 0: the chain's policy.
 * @verdict: NF_ACCEPT, NF_DROP, NFT_JUMP, ...
 * @cut: true if a name is longer than the copy, or has other characters than a user may see.
 * @first: true for the first step of a base chain, which has the next members.
 * @source, @target: of the IPv4 header.
 * @number: identification of that header.
 * @output: ifindex, or 0.
 */
struct trace {
	uint32_t id;
	uint8_t family;
	uint64_t rule;
	uint32_t verdict;
	char table[NFT_NAME_SIZE];
	char chain[NFT_NAME_SIZE];
	bool cut;
	bool first;
	struct in_addr source;
	struct in_addr target;
	uint16_t number;
	uint32_t output;
};

/**
 * trace_parse() - parse one message of the kernel.
 * @message: complete; its attributes are unchecked.
 *
 * Return: 0, or -EPROTO if the message is no step of an IPv4 packet.
 */
int trace_parse(struct nlmsghdr *message, struct trace *trace);

#endif
