// SPDX-License-Identifier: GPL-2.0-or-later
// Collects changes of one table, which the kernel makes as a whole or not at all.
#ifndef NETSETUP_TABLE_BATCH_H
#define NETSETUP_TABLE_BATCH_H

#include <libnftnl/rule.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netsetup/base/error.h"

/* More messages than a host with hundreds of addresses and VMs needs. */
#define BATCH_MESSAGES 4096

/**
 * struct batch - messages for nf_tables (nfnetlink_rcv_batch() in net/netfilter/nfnetlink.c).
 * @family, @table: the table; NFPROTO_NETDEV after batch_begin().
 * @buffer, @used: the messages, in bytes.
 * @first: sequence number of the first message; it alone is acknowledged.
 * @count: number of messages.
 * @parts: for each message the part of the kernel that it needs; NULL: none that may be missing.
 * @priority: of the next base chain.
 * @insert: rules become the first of their chain, not the last.
 * @rule, @part: the rule that rule.h is making, and the part that it needs.
 * @error: 0, or the first negative errno: without memory or room.
 */
struct batch {
	uint8_t family;
	const char *table;
	char *buffer;
	size_t used;
	uint32_t first;
	unsigned int count;
	const char **parts;
	int32_t priority;
	bool insert;
	struct nftnl_rule *rule;
	const char *part;
	int error;
};

/*
 * A base chain: NF_NETDEV_INGRESS or NF_NETDEV_EGRESS of an interface, or NF_INET_* of none (NULL).
 */
struct batch_hook {
	unsigned int number;
	const char *ifname;
};

/* nft's numbers of data types (enum datatypes in its datatype.h), to print elements by. */
enum batch_type {
	BATCH_NOTHING = 0,
	BATCH_IPV4 = 7,
	BATCH_MAC = 9,
	BATCH_ETHERTYPE = 10,
	BATCH_ARPOP = 11,
	BATCH_PORT = 13,
	BATCH_MARK = 19,
	BATCH_IFINDEX = 20,
	BATCH_MAC_IPV4 = BATCH_MAC << 6 | BATCH_IPV4,
	BATCH_PAIR4 = BATCH_IFINDEX << 12 | BATCH_MAC_IPV4,
	BATCH_HOP = BATCH_IFINDEX << 6 | BATCH_MARK,
};

/**
 * struct batch_set - a set or a map.
 * @value: BATCH_NOTHING: a set.
 * @counted: each element counts the packets that match it.
 * @key_size, @value_size: bytes; each part of a key of several parts fills whole words of 4 bytes.
 */
struct batch_set {
	const char *name;
	enum batch_type key;
	uint32_t key_size;
	enum batch_type value;
	uint32_t value_size;
	bool counted;
};

/* struct batch_element - an element; @value is NULL in a set. */
struct batch_element {
	const void *key;
	const void *value;
};

/* batch_open() - open a socket for nf_tables, owned by the caller; or return a negative errno. */
int batch_open(struct error *err);

/* batch_begin() - begin a batch; the caller must call batch_done(). Its errors are kept. */
void batch_begin(struct batch *batch, const char *table);
void batch_done(struct batch *batch);

#define cleanup_batch __attribute__((cleanup(batch_done)))

/* batch_message() - begin a message of NFT_MSG_@type; NULL: no room. */
struct nlmsghdr *batch_message(struct batch *batch, int type, int flags, const char *part);

/* batch_add() - end that message. */
void batch_add(struct batch *batch, const struct nlmsghdr *message);

/* batch_table() - make the table, owned by the socket of batch_commit(). @fresh: there is none. */
void batch_table(struct batch *batch, bool fresh);

/* batch_table_delete() - delete the table with all that is in it. */
void batch_table_delete(struct batch *batch);

/* batch_chain() - make a chain unless it exists; @hook is NULL if rules jump to it. */
void batch_chain(struct batch *batch, const char *name, const struct batch_hook *hook);

/* batch_chain_delete() - delete a chain with its rules. */
void batch_chain_delete(struct batch *batch, const char *name);

/* batch_chain_flush() - delete all rules of a chain. */
void batch_chain_flush(struct batch *batch, const char *name);

/* batch_rule_delete() - delete one rule by its handle. */
void batch_rule_delete(struct batch *batch, const char *chain, uint64_t handle);

/* batch_set() - make a set unless it exists. */
void batch_set(struct batch *batch, const struct batch_set *set);

/* batch_element_add(), batch_element_delete(), batch_set_flush() - change one, delete all. */
void batch_element_add(struct batch *batch, const struct batch_set *set,
		       struct batch_element element);
void batch_element_delete(struct batch *batch, const struct batch_set *set, const void *key);
void batch_set_flush(struct batch *batch, const struct batch_set *set);

/**
 * batch_commit() - have the kernel make all changes.
 * @owner: netlink socket of NETLINK_NETFILTER.
 * @err: names the part of the kernel that is missing, if one is.
 *
 * Return: 0 or a negative errno; then nothing has changed.
 */
int batch_commit(struct batch *batch, int owner, struct error *err);

/**
 * batch_dump() - request all elements of a set or map. Who has the socket reads them from it, which
 * needs no capability: NFT_MSG_NEWSETELEM, to the end of the dump, or an error.
 *
 * Return: 0 or a negative errno.
 */
int batch_dump(int owner, uint8_t family, const char *table, const struct batch_set *set);

/* batch_element_fn - takes an element of batch_read(), whose sizes are those of the set. */
typedef int batch_element_fn(const void *key, const void *value, void *context);

/**
 * batch_read() - read all elements of a set or map of a table.
 * @take: returns 0 or a negative errno, which ends the call.
 *
 * Return: 0; -EINTR if another program has changed its table meanwhile: read again; or another
 * negative errno.
 */
int batch_read(int owner, const char *table, const struct batch_set *set, batch_element_fn *take,
	       void *context);

#endif
