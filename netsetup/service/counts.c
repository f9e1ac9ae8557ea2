// SPDX-License-Identifier: GPL-2.0-or-later
// Reads how many of a VM's packets came to each hop on this host.
#include "netsetup/service/counts.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>
#include <sys/socket.h>

#include "netsetup/table/layout.h"

/* The kernel's largest buffer of a dump (netlink_recvmsg() in net/netlink/af_netlink.c). */
#define RECEIVE_SIZE 32768

/* One dump, and what it is for. */
struct reading {
	const struct vm *vm;
	enum table_counted set;
	struct counts_record *record;
};

static struct nlattr *inner(struct nlattr *outer, int type)
{
	return outer ? nla_find(nla_data(outer), nla_len(outer), type) : NULL;
}

/* Adds an element's packets to the count that its key stands for. */
static void add(const struct reading *reading, const void *key, uint64_t packets)
{
	const struct layout_pair4 *pair = key;
	const struct layout_hop *hop = key;
	const uint32_t tap = reading->vm->record.tap_ifindex;
	uint64_t *counts = reading->record->counts;

	switch (reading->set) {
	case TABLE_CHECKED:
		counts[COUNT_CHECKED] += pair->ifindex == tap ? packets : 0;
		break;
	case TABLE_ARRIVED:
		if (!memcmp(key, &reading->vm->record.address, sizeof(struct in_addr)))
			counts[COUNT_ARRIVED] = packets;
		break;
	case TABLE_FORWARDED:
		if (hop->ifindex == tap && hop->hop < LAYOUT_HOPS)
			counts[COUNT_OUT_REACHED + hop->hop] = packets;
		break;
	case TABLE_COUNTED:
		break;
	}
}

static void take_element(const struct reading *reading, struct nlattr *element)
{
	static const int sizes[TABLE_COUNTED] = { sizeof(struct layout_pair4),
						  sizeof(struct in_addr),
						  sizeof(struct layout_hop) };
	struct nlattr *key, *packets;
	char octets[sizeof(struct layout_pair4)];
	uint64_t number;

	key = inner(inner(element, NFTA_SET_ELEM_KEY), NFTA_DATA_VALUE);
	packets = inner(inner(inner(element, NFTA_SET_ELEM_EXPR), NFTA_EXPR_DATA),
			NFTA_COUNTER_PACKETS);
	if (!key || nla_len(key) != sizes[reading->set] || !packets ||
	    nla_len(packets) != sizeof(number))
		return;
	memcpy(octets, nla_data(key), (size_t)nla_len(key));
	memcpy(&number, nla_data(packets), sizeof(number));
	add(reading, octets, be64toh(number));
}

/* Returns true if the dump goes on. */
static bool take_message(const struct reading *reading, struct nlmsghdr *message)
{
	struct nlattr *list, *element;
	int left;

	if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR)
		return false;
	if (message->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM) ||
	    !nlmsg_valid_hdr(message, sizeof(struct nfgenmsg)))
		return true;
	list = nlmsg_find_attr(message, sizeof(struct nfgenmsg), NFTA_SET_ELEM_LIST_ELEMENTS);
	if (!list)
		return true;
	left = nla_len(list);
	for (element = nla_data(list); nla_ok(element, left); element = nla_next(element, &left))
		take_element(reading, element);
	return true;
}

/* The dump that the maker requested is in the socket when the maker has answered. */
static void take_dump(const struct reading *reading, int owner)
{
	static union {
		struct nlmsghdr align;
		char octets[RECEIVE_SIZE];
	} buffer;
	bool more = true;

	while (more) {
		int size = (int)recv(owner, &buffer, sizeof(buffer), MSG_DONTWAIT);

		if (size <= 0)
			return;
		for (struct nlmsghdr *message = &buffer.align; more && nlmsg_ok(message, size);
		     message = nlmsg_next(message, &size))
			more = take_message(reading, message);
	}
}

void counts_read(struct state *state, struct host *host, const struct vm *vm,
		 struct counts_record *record)
{
	const struct uplink_table *table = tables_find(&state->tables, vm->record.table);
	struct reading reading = { .vm = vm, .record = record };
	struct error ignored;

	protocol_record_init(record, RECORD_COUNTS);
	record->tap_ifindex = vm->record.tap_ifindex;
	record->path = vm->record.path;
	memcpy(record->tap, vm->record.tap, sizeof(record->tap));
	if (!table || table->fds.owner < 0)
		return;
	for (; reading.set < TABLE_COUNTED; reading.set++)
		if (host_table_dump(host, (struct interface_id){ table->ifname, table->ifindex },
				    table->fds.owner, reading.set, &ignored) == 0)
			take_dump(&reading, table->fds.owner);
}
