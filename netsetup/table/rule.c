// SPDX-License-Identifier: GPL-2.0-or-later
// Makes one rule of the table from the expressions of nf_tables.
#include "netsetup/table/rule.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnftnl/expr.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>

#define LINK      NFT_PAYLOAD_LL_HEADER
#define NETWORK   NFT_PAYLOAD_NETWORK_HEADER
#define TRANSPORT NFT_PAYLOAD_TRANSPORT_HEADER

const struct field rule_mac_to = { LINK, 0, 6 }, rule_mac_from = { LINK, 6, 6 };
const struct field rule_ethertype = { LINK, 12, 2 };
/* RFC 826: hardware, protocol, their lengths */
const struct field rule_arp_fixed = { NETWORK, 0, 6 }, rule_arp_operation = { NETWORK, 6, 2 };
const struct field rule_arp_sender_mac = { NETWORK, 8, 6 }, rule_arp_sender = { NETWORK, 14, 4 };
const struct field rule_arp_target_mac = { NETWORK, 18, 6 }, rule_arp_target = { NETWORK, 24, 4 };
const struct field rule_ip_from = { NETWORK, 12, 4 }, rule_ip_to = { NETWORK, 16, 4 };
const struct field rule_port_to = { TRANSPORT, 2, 2 };

/* The register for comparisons. */
#define SCRATCH NFT_REG32_00

/* TCP's option "maximum segment size", RFC 9293 section 3.7.1: its kind, where its value is. */
#define MAXSEG        2
#define MAXSEG_OFFSET 2

void rule_begin(struct batch *batch, const char *chain, const char *comment)
{
	struct nftnl_udata_buf *data = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);

	batch->rule = nftnl_rule_alloc();
	if (!batch->rule || !data) {
		batch->error = batch->error ? batch->error : -ENOMEM;
	} else {
		nftnl_udata_put_strz(data, NFTNL_UDATA_RULE_COMMENT, comment);
		nftnl_rule_set_str(batch->rule, NFTNL_RULE_TABLE, batch->table);
		nftnl_rule_set_str(batch->rule, NFTNL_RULE_CHAIN, chain);
		nftnl_rule_set_data(batch->rule, NFTNL_RULE_USERDATA, nftnl_udata_buf_data(data),
				    nftnl_udata_buf_len(data));
	}
	if (data)
		nftnl_udata_buf_free(data);
	batch->part = NULL;
}

static void end(struct batch *batch)
{
	struct nlmsghdr *message = NULL;

	if (!batch->error)
		message = batch_message(batch, NFT_MSG_NEWRULE,
					NLM_F_CREATE | (batch->insert ? 0 : NLM_F_APPEND),
					batch->part);
	if (message) {
		nftnl_rule_nlmsg_build_payload(message, batch->rule);
		batch_add(batch, message);
	}
	if (batch->rule)
		nftnl_rule_free(batch->rule);
	batch->rule = NULL;
}

/* Adds an expression to the rule; without memory, to nothing. */
static struct nftnl_expr *add(struct batch *batch, const char *name)
{
	struct nftnl_expr *expression = batch->error ? NULL : nftnl_expr_alloc(name);

	if (expression)
		nftnl_rule_add_expr(batch->rule, expression);
	else if (!batch->error)
		batch->error = -ENOMEM;
	return expression;
}

/* One attribute of an expression that is a number. */
struct attribute {
	uint16_t type;
	uint32_t value;
};

static void set(struct nftnl_expr *expression, const struct attribute *attributes, size_t count)
{
	for (size_t i = 0; expression && i < count; i++)
		nftnl_expr_set_u32(expression, attributes[i].type, attributes[i].value);
}

#define SET(expression, ...)                                       \
	set(expression, (const struct attribute[]){ __VA_ARGS__ }, \
	    sizeof((const struct attribute[]){ __VA_ARGS__ }) / sizeof(struct attribute))

static void set_data(struct nftnl_expr *expression, uint16_t type, const void *data, size_t size)
{
	if (expression)
		nftnl_expr_set(expression, type, data, (uint32_t)size);
}

void rule_load(struct batch *batch, const struct field *field, uint32_t reg)
{
	SET(add(batch, "payload"), { NFTNL_EXPR_PAYLOAD_DREG, reg },
	    { NFTNL_EXPR_PAYLOAD_BASE, field->base }, { NFTNL_EXPR_PAYLOAD_OFFSET, field->offset },
	    { NFTNL_EXPR_PAYLOAD_LEN, field->size });
}

void rule_load_meta(struct batch *batch, uint32_t key, uint32_t reg)
{
	SET(add(batch, "meta"), { NFTNL_EXPR_META_KEY, key }, { NFTNL_EXPR_META_DREG, reg });
}

void rule_load_data(struct batch *batch, const void *data, size_t size, uint32_t reg)
{
	struct nftnl_expr *expression = add(batch, "immediate");

	SET(expression, { NFTNL_EXPR_IMM_DREG, reg });
	set_data(expression, NFTNL_EXPR_IMM_DATA, data, size);
}

static void lookup(struct batch *batch, const char *name, uint32_t reg, uint32_t flags)
{
	struct nftnl_expr *expression = add(batch, "lookup");

	SET(expression, { NFTNL_EXPR_LOOKUP_SREG, reg }, { NFTNL_EXPR_LOOKUP_FLAGS, flags });
	if (expression)
		nftnl_expr_set_str(expression, NFTNL_EXPR_LOOKUP_SET, name);
}

/* Linux 6.1 refuses a look-up in a map that has no register for the value. */
void rule_load_value(struct batch *batch, const char *map, uint32_t key, uint32_t reg)
{
	struct nftnl_expr *expression = add(batch, "lookup");

	SET(expression, { NFTNL_EXPR_LOOKUP_SREG, key }, { NFTNL_EXPR_LOOKUP_DREG, reg });
	if (expression)
		nftnl_expr_set_str(expression, NFTNL_EXPR_LOOKUP_SET, map);
}

static void compare(struct batch *batch, uint32_t operation, const void *value, size_t size)
{
	struct nftnl_expr *expression = add(batch, "cmp");

	SET(expression, { NFTNL_EXPR_CMP_SREG, SCRATCH }, { NFTNL_EXPR_CMP_OP, operation });
	set_data(expression, NFTNL_EXPR_CMP_DATA, value, size);
}

void rule_if(struct batch *batch, const struct field *field, const void *value)
{
	rule_load(batch, field, SCRATCH);
	compare(batch, NFT_CMP_EQ, value, field->size);
}

void rule_if_not(struct batch *batch, const struct field *field, const void *value)
{
	rule_load(batch, field, SCRATCH);
	compare(batch, NFT_CMP_NEQ, value, field->size);
}

void rule_if_in(struct batch *batch, const struct field *field, const char *name)
{
	rule_load(batch, field, SCRATCH);
	lookup(batch, name, SCRATCH, 0);
}

void rule_if_not_in(struct batch *batch, const struct field *field, const char *name)
{
	rule_load(batch, field, SCRATCH);
	lookup(batch, name, SCRATCH, NFT_LOOKUP_F_INV);
}

void rule_if_known(struct batch *batch, const char *name, uint32_t reg)
{
	lookup(batch, name, reg, 0);
}

/* Loads a field, and keeps the bits of the mask. */
static void load_bits(struct batch *batch, const struct field *field, const void *mask)
{
	static const uint8_t zero[sizeof(uint32_t)];
	struct nftnl_expr *expression;

	rule_load(batch, field, SCRATCH);
	expression = add(batch, "bitwise");
	SET(expression, { NFTNL_EXPR_BITWISE_SREG, SCRATCH }, { NFTNL_EXPR_BITWISE_DREG, SCRATCH },
	    { NFTNL_EXPR_BITWISE_LEN, field->size });
	set_data(expression, NFTNL_EXPR_BITWISE_MASK, mask, field->size);
	set_data(expression, NFTNL_EXPR_BITWISE_XOR, zero, field->size);
}

void rule_if_syn(struct batch *batch)
{
	static const struct field flags = { TRANSPORT, 13, 1 };
	static const uint8_t syn = 0x02, zero;

	load_bits(batch, &flags, &syn);
	compare(batch, NFT_CMP_NEQ, &zero, sizeof(zero));
}

void rule_if_first(struct batch *batch)
{
	static const struct field fragment = { NETWORK, 6, 2 };
	static const uint8_t offset[] = { 0x1f, 0xff }, zero[2];

	load_bits(batch, &fragment, offset);
	compare(batch, NFT_CMP_EQ, zero, sizeof(zero));
}

void rule_if_loopback(struct batch *batch)
{
	static const struct field first = { NETWORK, 16, 1 };
	static const uint8_t loopback = 127;

	rule_if(batch, &first, &loopback);
}

void rule_if_group(struct batch *batch)
{
	static const struct field first = { NETWORK, 16, 1 };
	static const uint8_t mask = 0xf0, group = 0xe0;

	load_bits(batch, &first, &mask);
	compare(batch, NFT_CMP_EQ, &group, sizeof(group));
}

void rule_if_meta(struct batch *batch, uint32_t key, const void *value, size_t size)
{
	rule_load_meta(batch, key, SCRATCH);
	compare(batch, NFT_CMP_EQ, value, size);
}

void rule_if_meta_not(struct batch *batch, uint32_t key, const void *value, size_t size)
{
	rule_load_meta(batch, key, SCRATCH);
	compare(batch, NFT_CMP_NEQ, value, size);
}

void rule_if_type(struct batch *batch, uint16_t type)
{
	type = htons(type);
	rule_if_meta(batch, NFT_META_PROTOCOL, &type, sizeof(type));
}

void rule_if_protocol(struct batch *batch, uint8_t protocol)
{
	rule_if_meta(batch, NFT_META_L4PROTO, &protocol, 1);
}

void rule_if_more(struct batch *batch, uint32_t rate, uint32_t burst)
{
	struct nftnl_expr *expression = add(batch, "limit");

	batch->part = "nft_limit";
	SET(expression, { NFTNL_EXPR_LIMIT_BURST, burst },
	    { NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS }, { NFTNL_EXPR_LIMIT_FLAGS, NFT_LIMIT_F_INV });
	if (!expression)
		return;
	nftnl_expr_set_u64(expression, NFTNL_EXPR_LIMIT_RATE, rate);
	nftnl_expr_set_u64(expression, NFTNL_EXPR_LIMIT_UNIT, 1); /* second */
}

void rule_store(struct batch *batch, const struct field *field, uint32_t reg)
{
	SET(add(batch, "payload"), { NFTNL_EXPR_PAYLOAD_SREG, reg },
	    { NFTNL_EXPR_PAYLOAD_BASE, field->base }, { NFTNL_EXPR_PAYLOAD_OFFSET, field->offset },
	    { NFTNL_EXPR_PAYLOAD_LEN, field->size },
	    { NFTNL_EXPR_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_NONE });
}

void rule_store_meta(struct batch *batch, uint32_t key, const void *value, size_t size)
{
	rule_load_data(batch, value, size, SCRATCH);
	SET(add(batch, "meta"), { NFTNL_EXPR_META_KEY, key }, { NFTNL_EXPR_META_SREG, SCRATCH });
}

/* The kernel never raises it (nft_exthdr_tcp_set_eval() in net/netfilter/nft_exthdr.c). */
void rule_store_maxseg(struct batch *batch, uint32_t reg)
{
	struct nftnl_expr *expression = add(batch, "exthdr");

	SET(expression, { NFTNL_EXPR_EXTHDR_OP, NFT_EXTHDR_OP_TCPOPT },
	    { NFTNL_EXPR_EXTHDR_OFFSET, MAXSEG_OFFSET }, { NFTNL_EXPR_EXTHDR_LEN, 2 },
	    { NFTNL_EXPR_EXTHDR_SREG, reg });
	if (expression)
		nftnl_expr_set_u8(expression, NFTNL_EXPR_EXTHDR_TYPE, MAXSEG);
}

void rule_copy(struct batch *batch, uint32_t reg)
{
	batch->part = "nft_dup_netdev";
	SET(add(batch, "dup"), { NFTNL_EXPR_DUP_SREG_DEV, reg });
}

void rule_next(struct batch *batch)
{
	add(batch, "counter");
	end(batch);
}

void rule_forward(struct batch *batch, uint32_t reg)
{
	batch->part = "nft_fwd_netdev";
	add(batch, "counter");
	SET(add(batch, "fwd"), { NFTNL_EXPR_FWD_SREG_DEV, reg });
	end(batch);
}

/* @code: as it is in nf_tables.h, negative for those of nf_tables itself. */
static void verdict(struct batch *batch, int code, const char *chain)
{
	struct nftnl_expr *expression;

	add(batch, "counter");
	expression = add(batch, "immediate");
	SET(expression, { NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT },
	    { NFTNL_EXPR_IMM_VERDICT, (uint32_t)code });
	if (expression && chain)
		nftnl_expr_set_str(expression, NFTNL_EXPR_IMM_CHAIN, chain);
	end(batch);
}

void rule_accept(struct batch *batch)
{
	verdict(batch, NF_ACCEPT, NULL);
}

void rule_drop(struct batch *batch)
{
	verdict(batch, NF_DROP, NULL);
}

void rule_return(struct batch *batch)
{
	verdict(batch, NFT_RETURN, NULL);
}

void rule_jump(struct batch *batch, const char *chain)
{
	verdict(batch, NFT_JUMP, chain);
}

void rule_goto(struct batch *batch, const char *chain)
{
	verdict(batch, NFT_GOTO, chain);
}
