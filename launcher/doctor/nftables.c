// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the rules of nf_tables and follows a packet through them.
#include "launcher/doctor/nftables.h"

#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ifname.h"
#include "netsetup/base/printable.h"
#include "netsetup/kernel/netlink.h"

/* Longer names of tables and chains are cut, because they are only printed. */
#define NAME_MAX_SHOWN 32

/* More messages are not looked at. */
#define MESSAGES_MAX (1u << 18)

/* Jumps: the kernel's NFT_JUMP_STACK_SIZE. */
#define DEPTH_MAX 16

/* The bit of a new connection: NF_CT_STATE_BIT(IP_CT_NEW) in the kernel. */
#define STATE_NEW 8

#define VALUE_SIZE 16
#define REGISTERS  (NFT_REG32_15 + 1)

/**
 * struct value - the contents of a register.
 * @tap: the name of some VM's tap.
 */
struct value {
	bool known;
	bool tap;
	uint8_t data[VALUE_SIZE];
};

enum match {
	MATCH_YES,
	MATCH_UNKNOWN,
	MATCH_NO,
};

/* A packet's way. */
struct walk {
	const struct nftables *nftables;
	const struct packet *packet;
	bool unsure;
};

/* One rule at work. @jump is the chain of a jump, or of a goto if @goes; else NULL. */
struct machine {
	struct walk *walk;
	struct value registers[REGISTERS];
	enum match match;
	enum packet_outcome outcome;
	const char *jump;
	bool goes;
};

static int copy_message(struct nlmsghdr *header, void *context)
{
	struct nftables *nftables = context;
	struct nlmsghdr **messages;

	if (nftables->count == MESSAGES_MAX || !nlmsg_valid_hdr(header, sizeof(struct nfgenmsg)))
		return 0;
	messages = realloc(nftables->messages, (nftables->count + 1) * sizeof(struct nlmsghdr *));
	if (!messages)
		return 0;
	nftables->messages = messages;
	messages[nftables->count] = malloc(header->nlmsg_len);
	if (messages[nftables->count])
		memcpy(messages[nftables->count++], header, header->nlmsg_len);
	return 0;
}

static int dump(struct nl_sock *sock, int type, struct nftables *nftables)
{
	const struct nfgenmsg header = { .nfgen_family = NFPROTO_UNSPEC };
	cleanup_nl_msg *message = nlmsg_alloc_simple(NFNL_SUBSYS_NFTABLES << 8 | type, NLM_F_DUMP);

	if (!message || nlmsg_append(message, (void *)&header, sizeof(header), NLMSG_ALIGNTO) < 0)
		return -ENOMEM;
	return netlink_request(sock, message, copy_message, nftables);
}

/* nfnetlink_rcv_msg() of the kernel returns EINVAL if there is no such subsystem. */
int nftables_read(struct nftables *nftables)
{
	cleanup_nl_sock *sock = NULL;
	struct error ignored;
	int ret;

	ret = netlink_open(NETLINK_NETFILTER, &sock, &ignored);
	if (ret == 0)
		ret = dump(sock, NFT_MSG_GETCHAIN, nftables);
	if (ret == 0)
		ret = dump(sock, NFT_MSG_GETRULE, nftables);
	return ret == -EINVAL || ret == -EOPNOTSUPP ? -EPROTONOSUPPORT : ret;
}

void nftables_done(struct nftables *nftables)
{
	for (size_t i = 0; i < nftables->count; i++)
		free(nftables->messages[i]);
	free(nftables->messages);
	*nftables = (struct nftables){ 0 };
}

static bool is_type(const struct nlmsghdr *message, int type)
{
	return message->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | type);
}

static uint8_t family_of(const struct nlmsghdr *message)
{
	return ((const struct nfgenmsg *)nlmsg_data(message))->nfgen_family;
}

static struct nlattr *attribute(const struct nlmsghdr *message, int type)
{
	return nlmsg_find_attr((struct nlmsghdr *)message, sizeof(struct nfgenmsg), type);
}

static uint32_t get_u32(struct nlattr *value)
{
	return value && nla_len(value) == sizeof(uint32_t) ? ntohl(nla_get_u32(value)) : UINT32_MAX;
}

/* The text of an attribute; "" if it is none. */
static const char *get_text(struct nlattr *value)
{
	return value && memchr(nla_data(value), '\0', (size_t)nla_len(value)) ? nla_data(value)
									      : "";
}

static struct nlattr *nested(struct nlattr *container, int type)
{
	return container ? nla_find(nla_data(container), nla_len(container), type) : NULL;
}

static struct value *register_of(struct machine *machine, struct nlattr *number)
{
	uint32_t index = get_u32(number);

	/* The registers of 16 octets are four of those of 4 octets each. */
	if (index >= NFT_REG32_00 && index <= NFT_REG32_15 && (index - NFT_REG32_00) % 4 == 0)
		index = NFT_REG_1 + (index - NFT_REG32_00) / 4;
	return &machine->registers[index < REGISTERS ? index : NFT_REG_VERDICT];
}

static struct value known(const void *data, size_t size)
{
	struct value value = { .known = true };

	memcpy(value.data, data, size);
	return value;
}

static struct value name_value(const char *name)
{
	struct value value = { .known = true, .tap = !name };

	snprintf((char *)value.data, sizeof(value.data), "%s", name ? name : TAP_PREFIX);
	return value;
}

static struct value index_value(const char *name)
{
	const uint32_t index = name ? if_nametoindex(name) : UINT32_MAX;

	return known(&index, sizeof(index));
}

static void run_meta(struct machine *machine, struct nlattr *data)
{
	const struct packet *packet = machine->walk->packet;
	struct nlattr *target = nested(data, NFTA_META_DREG);
	const uint8_t family = NFPROTO_IPV4;
	const uint16_t protocol = htons(ETHERTYPE_IP);
	struct value value = { .known = false };

	/* Without a target, the expression sets the packet's mark or the like. */
	if (!target)
		return;
	switch (get_u32(nested(data, NFTA_META_KEY))) {
	case NFT_META_IIFNAME:
		value = name_value(packet->in);
		break;
	case NFT_META_OIFNAME:
		value = name_value(packet->out);
		break;
	case NFT_META_IIF:
		value = index_value(packet->in);
		break;
	case NFT_META_OIF:
		value = index_value(packet->out);
		break;
	case NFT_META_NFPROTO:
		value = known(&family, sizeof(family));
		break;
	case NFT_META_PROTOCOL:
		value = known(&protocol, sizeof(protocol));
		break;
	}
	*register_of(machine, target) = value;
}

/* The addresses are known, offset 12 of the IPv4 header on; ports and protocol are not. */
static void run_payload(struct machine *machine, struct nlattr *data)
{
	const struct packet *packet = machine->walk->packet;
	const struct in_addr addresses[] = { packet->source, packet->destination };
	const uint32_t offset = get_u32(nested(data, NFTA_PAYLOAD_OFFSET));
	const uint32_t size = get_u32(nested(data, NFTA_PAYLOAD_LEN));
	struct nlattr *target = nested(data, NFTA_PAYLOAD_DREG);
	struct value value = { .known = false };

	if (!target)
		return;
	if (get_u32(nested(data, NFTA_PAYLOAD_BASE)) == NFT_PAYLOAD_NETWORK_HEADER &&
	    offset >= 12 && offset < 20 && size <= 20 - offset)
		value = known((const uint8_t *)addresses + offset - 12, size);
	*register_of(machine, target) = value;
}

static void run_ct(struct machine *machine, struct nlattr *data)
{
	const uint32_t key = get_u32(nested(data, NFTA_CT_KEY));
	const uint32_t state = STATE_NEW, none = 0;
	struct nlattr *target = nested(data, NFTA_CT_DREG);
	struct value value = { .known = false };

	if (!target)
		return;
	if (key == NFT_CT_STATE)
		value = known(&state, sizeof(state));
	if (key == NFT_CT_STATUS)
		value = known(&none, sizeof(none));
	*register_of(machine, target) = value;
}

static void run_bitwise(struct machine *machine, struct nlattr *data)
{
	struct nlattr *mask = nested(nested(data, NFTA_BITWISE_MASK), NFTA_DATA_VALUE);
	struct nlattr * xor = nested(nested(data, NFTA_BITWISE_XOR), NFTA_DATA_VALUE);
	struct value value = *register_of(machine, nested(data, NFTA_BITWISE_SREG));

	value.known = value.known && !value.tap && mask &&
		      xor&&nla_len(mask) <= VALUE_SIZE &&nla_len(xor) == nla_len(mask);
	for (int i = 0; value.known && i < nla_len(mask); i++)
		value.data[i] = (uint8_t)((value.data[i] & ((uint8_t *)nla_data(mask))[i]) ^
					  ((uint8_t *)nla_data(xor))[i]);
	*register_of(machine, nested(data, NFTA_BITWISE_DREG)) = value;
}

static void note(struct machine *machine, enum match match)
{
	if (match > machine->match)
		machine->match = match;
}

/* A rule for any tap is one for all taps, since it was made for VMs. */
static int compare(const struct value *value, const void *data, size_t size)
{
	const size_t prefix = strlen(TAP_PREFIX);

	return memcmp(value->data, data, value->tap && size > prefix ? prefix : size);
}

static void run_cmp(struct machine *machine, struct nlattr *data)
{
	const struct value *value = register_of(machine, nested(data, NFTA_CMP_SREG));
	struct nlattr *wanted = nested(nested(data, NFTA_CMP_DATA), NFTA_DATA_VALUE);
	const uint32_t operation = get_u32(nested(data, NFTA_CMP_OP));
	int order;

	if (!value->known || !wanted || nla_len(wanted) > VALUE_SIZE || operation > NFT_CMP_NEQ) {
		note(machine, MATCH_UNKNOWN);
		return;
	}
	order = compare(value, nla_data(wanted), (size_t)nla_len(wanted));
	note(machine, (order == 0) == (operation == NFT_CMP_EQ) ? MATCH_YES : MATCH_NO);
}

static void run_immediate(struct machine *machine, struct nlattr *data)
{
	struct nlattr *verdict = nested(nested(data, NFTA_IMMEDIATE_DATA), NFTA_DATA_VERDICT);

	if (!verdict) {
		register_of(machine, nested(data, NFTA_IMMEDIATE_DREG))->known = false;
		return;
	}
	switch ((int)get_u32(nested(verdict, NFTA_VERDICT_CODE))) {
	case NF_ACCEPT:
		machine->outcome = PACKET_ACCEPT;
		break;
	case NF_DROP:
		machine->outcome = PACKET_DROP;
		break;
	case NFT_RETURN:
		machine->outcome = PACKET_RETURN;
		break;
	case NFT_GOTO:
		machine->goes = true;
		machine->jump = get_text(nested(verdict, NFTA_VERDICT_CHAIN));
		break;
	case NFT_JUMP:
		machine->jump = get_text(nested(verdict, NFTA_VERDICT_CHAIN));
		break;
	}
}

static void run_reject(struct machine *machine, struct nlattr *data)
{
	machine->outcome = PACKET_DROP;
}

static void run_masquerade(struct machine *machine, struct nlattr *data)
{
	machine->outcome = PACKET_TRANSLATE;
}

static void run_nat(struct machine *machine, struct nlattr *data)
{
	if (get_u32(nested(data, NFTA_NAT_TYPE)) == NFT_NAT_SNAT)
		machine->outcome = PACKET_TRANSLATE;
}

/* A match of iptables, most of which depend on what is not known here. */
static void run_match(struct machine *machine, struct nlattr *data)
{
	if (strcmp(get_text(nested(data, NFTA_MATCH_NAME)), "comment") != 0)
		note(machine, MATCH_UNKNOWN);
}

static void run_target(struct machine *machine, struct nlattr *data)
{
	const char *name = get_text(nested(data, NFTA_TARGET_NAME));

	if (!strcmp(name, "REJECT"))
		machine->outcome = PACKET_DROP;
	if (!strcmp(name, "MASQUERADE") || !strcmp(name, "SNAT"))
		machine->outcome = PACKET_TRANSLATE;
}

static void run_nothing(struct machine *machine, struct nlattr *data)
{
}

static void run_lookup(struct machine *machine, struct nlattr *data)
{
	machine->walk->unsure = true;
	note(machine, MATCH_UNKNOWN);
}

static void run_unknown(struct machine *machine, struct nlattr *data)
{
	note(machine, MATCH_UNKNOWN);
}

static const struct expression {
	const char *name;
	void (*run)(struct machine *machine, struct nlattr *data);
} expressions[] = {
	{ "meta", run_meta },       { "payload", run_payload }, { "ct", run_ct },
	{ "bitwise", run_bitwise }, { "cmp", run_cmp },         { "immediate", run_immediate },
	{ "reject", run_reject },   { "masq", run_masquerade }, { "nat", run_nat },
	{ "match", run_match },     { "target", run_target },   { "counter", run_nothing },
	{ "log", run_nothing },     { "notrack", run_nothing }, { "last", run_nothing },
	{ "lookup", run_lookup },   { "vmap", run_lookup },     { "objref", run_nothing },
};

static void run_expression(struct machine *machine, struct nlattr *element)
{
	const char *name = get_text(nested(element, NFTA_EXPR_NAME));
	struct nlattr *data = nested(element, NFTA_EXPR_DATA);

	for (size_t i = 0; i < ARRAY_SIZE(expressions); i++) {
		if (strcmp(expressions[i].name, name) != 0)
			continue;
		expressions[i].run(machine, data);
		return;
	}
	run_unknown(machine, data);
}

/* Runs a rule; its outcome counts only if it surely matches. */
static void run_rule(struct machine *machine, const struct nlmsghdr *rule)
{
	struct nlattr *list = attribute(rule, NFTA_RULE_EXPRESSIONS), *element;
	int rest;

	if (!list)
		return;
	nla_for_each_nested(element, list, rest)
	{
		run_expression(machine, element);
		if (machine->match == MATCH_NO)
			return;
	}
}

static bool in_chain(const struct nlmsghdr *rule, const struct nlmsghdr *base, const char *chain)
{
	return is_type(rule, NFT_MSG_NEWRULE) && family_of(rule) == family_of(base) &&
	       !strcmp(get_text(attribute(rule, NFTA_RULE_CHAIN)), chain) &&
	       !strcmp(get_text(attribute(rule, NFTA_RULE_TABLE)),
		       get_text(attribute(base, NFTA_CHAIN_TABLE)));
}

/* Follows the packet through a chain of the base chain's table. */
static enum packet_outcome walk_chain(struct walk *walk, const struct nlmsghdr *base,
				      const char *chain, unsigned int depth)
{
	for (size_t i = 0; i < walk->nftables->count && depth < DEPTH_MAX; i++) {
		struct machine machine = { .walk = walk };

		if (!in_chain(walk->nftables->messages[i], base, chain))
			continue;
		run_rule(&machine, walk->nftables->messages[i]);
		if (machine.match != MATCH_YES)
			continue;
		if (machine.jump)
			machine.outcome = walk_chain(walk, base, machine.jump, depth + 1);
		if (machine.outcome == PACKET_RETURN && machine.jump)
			machine.outcome = PACKET_CONTINUE;
		if (machine.outcome != PACKET_CONTINUE)
			return machine.outcome;
		if (machine.goes)
			return PACKET_RETURN;
	}
	return PACKET_CONTINUE;
}

static bool is_base(const struct nlmsghdr *message, unsigned int hook)
{
	struct nlattr *own = is_type(message, NFT_MSG_NEWCHAIN)
				     ? attribute(message, NFTA_CHAIN_HOOK)
				     : NULL;
	const uint8_t family = family_of(message);

	if (!own || (family != NFPROTO_IPV4 && family != NFPROTO_INET) ||
	    get_u32(nested(own, NFTA_HOOK_HOOKNUM)) != hook)
		return false;
	return hook != NF_INET_POST_ROUTING ||
	       !strcmp(get_text(attribute(message, NFTA_CHAIN_TYPE)), "nat");
}

static void write_name(const struct nlmsghdr *base, char name[PACKET_CHAIN_SIZE])
{
	const char *table = get_text(attribute(base, NFTA_CHAIN_TABLE));
	const char *chain = get_text(attribute(base, NFTA_CHAIN_NAME));
	char table_text[PRINTABLE_SIZE(NAME_MAX_SHOWN)], chain_text[PRINTABLE_SIZE(NAME_MAX_SHOWN)];

	snprintf(name, PACKET_CHAIN_SIZE, "%s %s %s",
		 family_of(base) == NFPROTO_IPV4 ? "ip" : "inet",
		 printable(table, strnlen(table, NAME_MAX_SHOWN), table_text),
		 printable(chain, strnlen(chain, NAME_MAX_SHOWN), chain_text));
}

struct packet_fate nftables_follow(const struct nftables *nftables, unsigned int hook,
				   const struct packet *packet)
{
	struct packet_fate fate = { .outcome = PACKET_ACCEPT };

	for (size_t i = 0; i < nftables->count; i++) {
		const struct nlmsghdr *base = nftables->messages[i];
		struct walk walk = { nftables, packet, false };
		enum packet_outcome outcome;

		if (!is_base(base, hook))
			continue;
		outcome = walk_chain(&walk, base, get_text(attribute(base, NFTA_CHAIN_NAME)), 0);
		if (outcome == PACKET_CONTINUE || outcome == PACKET_RETURN)
			outcome = get_u32(attribute(base, NFTA_CHAIN_POLICY)) == NF_DROP
					  ? PACKET_DROP
					  : PACKET_ACCEPT;
		if (outcome == PACKET_ACCEPT)
			continue;
		fate.outcome = outcome;
		fate.unsure = walk.unsure;
		write_name(base, fate.chain);
		break;
	}
	return fate;
}

bool nftables_has(const struct nftables *nftables, const char *name, bool table)
{
	const int type = table ? NFTA_CHAIN_TABLE : NFTA_CHAIN_NAME;

	for (size_t i = 0; i < nftables->count; i++)
		if (is_type(nftables->messages[i], NFT_MSG_NEWCHAIN) &&
		    !strcmp(get_text(attribute(nftables->messages[i], type)), name))
			return true;
	return false;
}

/* nft's user data: type, length and value of each part; type 0 is the comment. */
static void read_comment(struct nlattr *data, char comment[NFTABLES_COMMENT_SIZE])
{
	const uint8_t *part = data ? nla_data(data) : NULL;

	comment[0] = '\0';
	if (part && nla_len(data) > 2 && part[0] == 0 && part[1] <= nla_len(data) - 2 &&
	    part[1] <= 128)
		printable((const char *)part + 2, strnlen((const char *)part + 2, part[1]),
			  comment);
}

static void read_act(struct nlattr *element, struct nftables_rule *rule)
{
	const char *name = get_text(nested(element, NFTA_EXPR_NAME));
	struct nlattr *data = nested(element, NFTA_EXPR_DATA), *value;
	uint32_t verdict;

	rule->forwards = rule->forwards || !strcmp(name, "fwd");
	value = strcmp(name, "counter") ? NULL : nested(data, NFTA_COUNTER_PACKETS);
	if (value && nla_len(value) == sizeof(uint64_t))
		rule->packets = be64toh(nla_get_u64(value));
	value = strcmp(name, "immediate") ? NULL : nested(data, NFTA_IMMEDIATE_DATA);
	value = nested(nested(value, NFTA_DATA_VERDICT), NFTA_VERDICT_CODE);
	if (!value)
		return;
	verdict = get_u32(value);
	rule->drops = verdict == NF_DROP;
	rule->jumps = verdict == (uint32_t)NFT_JUMP;
}

bool nftables_next(const struct nftables *nftables, size_t *place, struct nftables_rule *rule)
{
	while (*place < nftables->count) {
		const struct nlmsghdr *message = nftables->messages[(*place)++];
		struct nlattr *list = attribute(message, NFTA_RULE_EXPRESSIONS), *element;
		int rest;

		if (!is_type(message, NFT_MSG_NEWRULE) || family_of(message) != NFPROTO_NETDEV ||
		    !list)
			continue;
		*rule = (struct nftables_rule){
			.table = get_text(attribute(message, NFTA_RULE_TABLE)),
			.chain = get_text(attribute(message, NFTA_RULE_CHAIN))
		};
		read_comment(attribute(message, NFTA_RULE_USERDATA), rule->comment);
		nla_for_each_nested(element, list, rest)
		{
			read_act(element, rule);
		}
		return true;
	}
	return false;
}
