// SPDX-License-Identifier: GPL-2.0-or-later
// Makes one rule of the table from the expressions of nf_tables.
#ifndef NETSETUP_TABLE_RULE_H
#define NETSETUP_TABLE_RULE_H

#include <linux/netfilter/nf_tables.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netsetup/table/batch.h"

/*
 * A rule is a list of expressions on registers of 4 octets; a longer value fills several. They
 * load a field, compare it, look it up, or write a register into the frame. An expression that does
 * not hold ends the rule. rule_begin() begins it, and one of the last functions below ends it. Each
 * rule counts the frames for which all held, `nft list ruleset`.
 */

/* A field of the frame; the offset counts from the header of enum nft_payload_bases, in bytes. */
struct field {
	uint32_t base;
	uint32_t offset;
	uint32_t size;
};

extern const struct field rule_mac_to, rule_mac_from, rule_ethertype;
extern const struct field rule_arp_fixed, rule_arp_operation, rule_arp_sender_mac, rule_arp_sender;
extern const struct field rule_arp_target_mac, rule_arp_target;
extern const struct field rule_ip_from, rule_ip_to, rule_port_to;

/* rule_begin() - begin a rule at the end of a chain. @comment: at most 128 characters. */
void rule_begin(struct batch *batch, const char *chain, const char *comment);

/* Load a value into a register: a field, an NFT_META_*, a constant, a map's value for @key. */
void rule_load(struct batch *batch, const struct field *field, uint32_t reg);
void rule_load_meta(struct batch *batch, uint32_t key, uint32_t reg);
void rule_load_data(struct batch *batch, const void *data, size_t size, uint32_t reg);
void rule_load_value(struct batch *batch, const char *map, uint32_t key, uint32_t reg);

/* Go on if the field is or is not the value, or is or is not in the set. */
void rule_if(struct batch *batch, const struct field *field, const void *value);
void rule_if_not(struct batch *batch, const struct field *field, const void *value);
void rule_if_in(struct batch *batch, const struct field *field, const char *set);
void rule_if_not_in(struct batch *batch, const struct field *field, const char *set);

/* rule_if_syn() - go on if TCP's flag SYN is set, RFC 9293 section 3.1. */
void rule_if_syn(struct batch *batch);

/*
 * rule_if_first() - go on for a packet, or its first fragment. The others have no ports, but the
 * kernel loads what is in their place (nft_payload_fast_eval() in net/netfilter/nf_tables_core.c).
 */
void rule_if_first(struct batch *batch);

/* Go on if a packet is for 127.0.0.0/8, for 224.0.0.0/4. */
void rule_if_loopback(struct batch *batch);
void rule_if_group(struct batch *batch);

/* rule_if_meta() - go on if an NFT_META_* of @size bytes is the value. */
void rule_if_meta(struct batch *batch, uint32_t key, const void *value, size_t size);
void rule_if_meta_not(struct batch *batch, uint32_t key, const void *value, size_t size);

/*
 * rule_if_type(), rule_if_protocol() - go on for an ETH_P_*, for an IPPROTO_*. In a frame with a
 * tag of 802.1Q the type is that behind the tag; rule_ethertype is the tag's.
 */
void rule_if_type(struct batch *batch, uint16_t type);
void rule_if_protocol(struct batch *batch, uint8_t protocol);

/* rule_if_known() - go on if the register's value is in the set. */
void rule_if_known(struct batch *batch, const char *set, uint32_t reg);

/* rule_if_more() - go on if more than @rate frames for each second have come here. */
void rule_if_more(struct batch *batch, uint32_t rate, uint32_t burst);

/* Write a register or a value into the frame, its mark, or what kind of receiver it has. */
void rule_store(struct batch *batch, const struct field *field, uint32_t reg);
void rule_store_meta(struct batch *batch, uint32_t key, const void *value, size_t size);

/* rule_store_maxseg() - lower the MSS of a TCP segment to a register's value. */
void rule_store_maxseg(struct batch *batch, uint32_t reg);

/* rule_copy() - send a copy out of the interface whose ifindex is in the register. */
void rule_copy(struct batch *batch, uint32_t reg);

/* These end the rule. rule_forward(): the frame leaves by the register's interface, and no more. */
void rule_forward(struct batch *batch, uint32_t reg);
void rule_accept(struct batch *batch);
void rule_drop(struct batch *batch);
void rule_return(struct batch *batch);
void rule_jump(struct batch *batch, const char *chain);
void rule_goto(struct batch *batch, const char *chain);
void rule_next(struct batch *batch);

#endif
