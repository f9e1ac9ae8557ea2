// SPDX-License-Identifier: GPL-2.0-or-later
// Parses what nf_tables reports of a traced packet.
#include "netsetup/worker/trace.h"

/* First: the kernel's headers leave out what this header has defined, but not vice versa. */
#include <netinet/ip.h>

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

static uint32_t get_u32(struct nlattr *attribute)
{
	return attribute && nla_len(attribute) == sizeof(uint32_t) ? ntohl(nla_get_u32(attribute))
								   : 0;
}

static uint64_t get_u64(struct nlattr *attribute)
{
	uint64_t value = 0;

	if (attribute && nla_len(attribute) == sizeof(value))
		memcpy(&value, nla_data(attribute), sizeof(value));
	return be64toh(value);
}

/* Returns false if the name was cut. */
static bool get_name(struct nlattr *attribute, char name[NFT_NAME_SIZE])
{
	const char *data = attribute ? nla_data(attribute) : "";
	const size_t length = attribute ? strnlen(data, (size_t)nla_len(attribute)) : 0;

	verdict_name(data, length, name);
	return length < NFT_NAME_SIZE && !memcmp(name, data, length);
}

/* The first step in a base chain has the packet's headers. */
static int get_packet(struct nlattr *header, struct trace *trace)
{
	struct iphdr ip;

	if (!header)
		return 0;
	if (nla_len(header) < (int)sizeof(ip))
		return -EPROTO;
	memcpy(&ip, nla_data(header), sizeof(ip));
	if (ip.version != 4)
		return -EPROTO;
	trace->first = true;
	trace->source.s_addr = ip.saddr;
	trace->target.s_addr = ip.daddr;
	trace->number = ntohs(ip.id);
	return 0;
}

static uint32_t get_verdict(struct nlattr *nested)
{
	struct nlattr *attributes[NFTA_VERDICT_MAX + 1];

	if (!nested || nla_parse_nested(attributes, NFTA_VERDICT_MAX, nested, NULL) < 0)
		return (uint32_t)NFT_CONTINUE;
	return get_u32(attributes[NFTA_VERDICT_CODE]);
}

int trace_parse(struct nlmsghdr *message, struct trace *trace)
{
	struct nlattr *attributes[NFTA_TRACE_MAX + 1];
	const struct nfgenmsg *header = nlmsg_data(message);
	bool whole;

	*trace = (struct trace){ 0 };
	if (message->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_TRACE) ||
	    !nlmsg_valid_hdr(message, sizeof(*header)) ||
	    nlmsg_parse(message, sizeof(*header), attributes, NFTA_TRACE_MAX, NULL) < 0)
		return -EPROTO;
	trace->family = header->nfgen_family;
	trace->id = get_u32(attributes[NFTA_TRACE_ID]);
	whole = get_name(attributes[NFTA_TRACE_TABLE], trace->table);
	trace->cut = !get_name(attributes[NFTA_TRACE_CHAIN], trace->chain) || !whole;
	trace->output = get_u32(attributes[NFTA_TRACE_OIF]);
	if (get_u32(attributes[NFTA_TRACE_TYPE]) == NFT_TRACETYPE_POLICY) {
		trace->verdict = get_u32(attributes[NFTA_TRACE_POLICY]);
	} else {
		trace->rule = get_u64(attributes[NFTA_TRACE_RULE_HANDLE]);
		trace->verdict = get_verdict(attributes[NFTA_TRACE_VERDICT]);
	}
	return get_packet(attributes[NFTA_TRACE_NETWORK_HEADER], trace);
}
