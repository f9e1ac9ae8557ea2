// SPDX-License-Identifier: GPL-2.0-or-later
// Reports changes of an uplink's table in nft's syntax, for people to read.
#include "netsetup/host/table_text.h"

#include <stdio.h>
#include <string.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/base/printable.h"
#include "netsetup/kernel/arp.h"
#include "netsetup/table/gate.h"

#define PROTOCOLS "ether type != @ethertypes "
#define ALL       "ether daddr ff:ff:ff:ff:ff:ff "
#define TO_HOST   "meta pkttype host "
#define MARK_LAN  "meta mark 0x766d7201 "
#define MARK_HOST "meta mark 0x766d7202 "
#define TO_GUEST  "ether daddr set arp daddr ip map @mac_by_ip4 "
#define TO_ITS    "dup to arp daddr ip map @tap_by_ip4 accept"
#define IPV4_PAIR "meta protocol ip fwd to ether daddr . ip daddr map @tap_by_pair"
#define ARP_PAIR  "meta protocol arp fwd to ether daddr . arp daddr ip map @tap_by_pair"
#define TO_ALL    "ether daddr set ff:ff:ff:ff:ff:ff"

/*
 * The rules of layout.c, as nft lists them but for its numbers of unnamed fields. test_table.py
 * compares the two. @by: the interface whose name ends the rule.
 */
static const struct {
	const char *chain;
	const char *rule;
	enum {
		BY_NONE,
		BY_GATE,
		BY_UPLINK
	} by;
} rules[] = {
	{ "check", "meta pkttype multicast drop", BY_NONE },
	{ "check",
	  "arp htype 1 arp ptype ip arp hlen 6 arp plen 4 arp operation @arp_operations "
	  "iif . arp saddr ether . arp saddr ip @pair4 return",
	  BY_NONE },
	{ "check",
	  "arp htype 1 arp ptype ip arp hlen 6 arp plen 4 arp operation @arp_operations "
	  "iif . 00:00:00:00:00:00 . arp saddr ip @pair4 return",
	  BY_NONE },
	{ "check", "ip saddr 0.0.0.0 drop", BY_NONE },
	{ "check", "ip daddr 127.0.0.0/8 drop", BY_NONE },
	{ "check", "ip daddr 224.0.0.0/4 drop", BY_NONE },
	{ "check", "ip daddr @foreign4 drop", BY_NONE },
	{ "check", "ip frag-off & 8191 == 0 udp dport @dhcp_ports drop", BY_NONE },
	{ "check", "meta l4proto != 255 iif . ether saddr . ip saddr @pair4 return", BY_NONE },
	{ "check", "meta l4proto != 255 iif . 00:00:00:00:00:00 . ip saddr @pair4 return",
	  BY_NONE },
	{ "check", "drop", BY_NONE },
	{ "out", IPV4_PAIR, BY_NONE },
	{ "out", ARP_PAIR, BY_NONE },
	{ "out", "ether daddr @self meta pkttype set host meta mark set 0x766d7202 fwd to",
	  BY_GATE },
	{ "out", ALL "meta mark set 0x766d7202 dup to", BY_GATE },
	{ "out", ALL "limit rate over 200/second burst 200 packets drop", BY_NONE },
	{ "out", "meta mark set 0x766d7201 ether saddr set 1 map @mac", BY_NONE },
	{ "out", "arp saddr ether set 1 map @mac", BY_NONE },
	{ "out", "meta protocol ip tcp flags syn tcp option maxseg size set 1 map @mss", BY_NONE },
	{ "out", "fwd to", BY_UPLINK },
	{ "from_gate", "meta mark set 0x00000000", BY_NONE },
	{ "from_gate", ALL "jump flood", BY_NONE },
	{ "uplink_in", MARK_HOST "goto from_gate", BY_NONE },
	{ "uplink_in", PROTOCOLS "accept", BY_NONE },
	{ "uplink_in", "ether saddr @self drop", BY_NONE },
	{ "uplink_in",
	  "meta protocol ip tcp flags syn " TO_HOST "tcp option maxseg size set 1 map @mss",
	  BY_NONE },
	{ "uplink_in",
	  TO_HOST "ether daddr set ip daddr map @mac_by_ip4 "
		  "fwd to ip daddr map @tap_by_ip4",
	  BY_NONE },
	{ "uplink_in",
	  TO_HOST "arp operation reply " TO_GUEST
		  "arp daddr ether set arp daddr ip map @mac_by_ip4 " TO_ITS,
	  BY_NONE },
	{ "uplink_in", TO_HOST "arp operation request " TO_GUEST TO_ITS, BY_NONE },
	{ "uplink_in", TO_HOST "arp operation reply arp daddr ip 0.0.0.0 " TO_ALL, BY_NONE },
	{ "uplink_in", TO_HOST "arp operation request arp daddr ip != @host4 " TO_ALL, BY_NONE },
	{ "uplink_in", TO_HOST "ip daddr @bcast4 " TO_ALL, BY_NONE },
	{ "uplink_in", ALL "jump flood", BY_NONE },
	{ "uplink_out", MARK_LAN "meta mark set 0x00000000 accept", BY_NONE },
	{ "uplink_out", PROTOCOLS "accept", BY_NONE },
	{ "uplink_out", IPV4_PAIR, BY_NONE },
	{ "uplink_out", ARP_PAIR, BY_NONE },
	{ "uplink_out", ALL "jump flood", BY_NONE },
};

/* The context of the reports of one table. */
struct text {
	struct host *host;
	char table[PRINTABLE_WORD_SIZE(IFNAMSIZ) + sizeof(TABLE_PREFIX)];
	bool act;
};

static struct text begin(struct host *host, struct interface_id uplink)
{
	struct text text = { .host = host, .act = !host->dry_run };
	char word[PRINTABLE_WORD_SIZE(IFNAMSIZ)];

	snprintf(text.table, sizeof(text.table), TABLE_PREFIX "%s",
		 printable_word(uplink.ifname, word));
	return text;
}

/* Reports the rules of chain `check`, or those that only bridged VMs need. */
static void report_rules(const struct text *text, struct interface_id uplink, bool bridge)
{
	char word[PRINTABLE_WORD_SIZE(IFNAMSIZ)], gate[IFNAMSIZ + 8];

	snprintf(gate, sizeof(gate), GATE_PREFIX "%x", uplink.ifindex);
	printable_word(uplink.ifname, word);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (bridge == !strcmp(rules[i].chain, "check"))
			continue;
		host_report(text->host, "# nft add rule netdev %s %s %s%s%s", text->table,
			    rules[i].chain, rules[i].rule, rules[i].by ? " " : "",
			    rules[i].by == BY_GATE ? gate
			    : rules[i].by          ? word
						   : "");
	}
}

bool table_text_open(struct host *host, struct interface_id uplink)
{
	const struct text text = begin(host, uplink);

	host_report(host, "# nft: the table that follows is for reading, and not to be typed");
	host_report(host, "# nft add table netdev %s { flags owner; }", text.table);
	host_report(host, "# nft add chain netdev %s flood", text.table);
	host_report(host, "# nft add chain netdev %s check", text.table);
	report_rules(&text, uplink, false);
	return text.act;
}

bool table_text_bridge(struct host *host, struct interface_id uplink)
{
	const struct text text = begin(host, uplink);
	char word[PRINTABLE_WORD_SIZE(IFNAMSIZ)];

	host_report(host, "# nft add chain netdev %s out", text.table);
	host_report(host, "# nft add chain netdev %s from_gate", text.table);
	printable_word(uplink.ifname, word);
	host_report(host,
		    "# nft add chain netdev %s uplink_in { type filter hook ingress device %s "
		    "priority filter; }",
		    text.table, word);
	host_report(host,
		    "# nft add chain netdev %s uplink_out { type filter hook egress device %s "
		    "priority filter; }",
		    text.table, word);
	report_rules(&text, uplink, true);
	return text.act;
}

bool table_text_refresh(struct host *host, struct interface_id uplink)
{
	const struct text text = begin(host, uplink);

	return host_report(host,
			   "# nft: read anew into table %s: mac, mss, self, host4, bcast4, "
			   "foreign4",
			   text.table);
}

/* Elements of a bridged guest; its address is set. */
static void report_bridged(const struct text *text, const struct table_vm *vm, const char *mac)
{
	char address[IPV4_TEXT_SIZE];

	host_report(text->host, "# nft add element netdev %s tap_by_pair { %s . 0.0.0.0 : %s }",
		    text->table, mac, vm->tap.ifname);
	host_report(text->host, "# nft add rule netdev %s flood ether saddr != %s dup to %s",
		    text->table, mac, vm->tap.ifname);
	if (ipv4_unset(vm->address))
		return;
	ipv4_text(vm->address, address);
	host_report(text->host, "# nft add element netdev %s tap_by_pair { %s . %s : %s }",
		    text->table, mac, address, vm->tap.ifname);
	host_report(text->host, "# nft add element netdev %s tap_by_ip4 { %s : %s }", text->table,
		    address, vm->tap.ifname);
	host_report(text->host, "# nft add element netdev %s mac_by_ip4 { %s : %s }", text->table,
		    address, mac);
}

/* The chain of a tap whose index is not known yet is "tap_N". */
static void report_tap(const struct text *text, const struct table_vm *vm, const char *mac)
{
	char chain[16] = "tap_N";

	if (vm->tap.ifindex)
		snprintf(chain, sizeof(chain), "tap_%u", vm->tap.ifindex);
	host_report(text->host,
		    "# nft add chain netdev %s %s { type filter hook ingress device %s "
		    "priority filter; }",
		    text->table, chain, vm->tap.ifname);
	if (vm->path == TABLE_BRIDGED)
		host_report(text->host, "# nft add rule netdev %s %s ether saddr != %s drop",
			    text->table, chain, mac);
	host_report(text->host, "# nft add rule netdev %s %s " PROTOCOLS "drop", text->table,
		    chain);
	host_report(text->host, "# nft add rule netdev %s %s jump check", text->table, chain);
	if (vm->path != TABLE_BRIDGED)
		return;
	host_report(text->host,
		    "# nft add rule netdev %s %s " ALL
		    "limit rate over 50/second burst 50 packets drop",
		    text->table, chain);
	host_report(text->host, "# nft add rule netdev %s %s goto out", text->table, chain);
}

bool table_text_vm(struct host *host, struct interface_id uplink, const struct table_vm *vm)
{
	const struct text text = begin(host, uplink);
	const struct ether_addr any = { 0 };
	char address[IPV4_TEXT_SIZE], mac[ARP_MAC_TEXT_SIZE];

	arp_mac_text(vm->path == TABLE_BRIDGED ? &vm->mac : &any, mac);
	host_report(host, "# nft add element netdev %s pair4 { %s . %s . 0.0.0.0 }", text.table,
		    vm->tap.ifname, mac);
	if (!ipv4_unset(vm->address))
		host_report(host, "# nft add element netdev %s pair4 { %s . %s . %s }", text.table,
			    vm->tap.ifname, mac, ipv4_text(vm->address, address));
	if (vm->path == TABLE_BRIDGED)
		report_bridged(&text, vm, mac);
	else
		host_report(host, "# nft: count in table ip %s what is forwarded of and to %s",
			    text.table, vm->tap.ifname);
	report_tap(&text, vm, mac);
	return text.act;
}

bool table_text_vm_delete(struct host *host, struct interface_id uplink, struct interface_id tap)
{
	const struct text text = begin(host, uplink);

	return host_report(host, "# nft: remove all of %s from table %s", tap.ifname, text.table);
}

bool table_text_delete(struct host *host, struct interface_id uplink)
{
	const struct text text = begin(host, uplink);

	return host_report(host, "# nft delete table netdev %s", text.table);
}
