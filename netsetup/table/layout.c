// SPDX-License-Identifier: GPL-2.0-or-later
// Lays out the table: its sets, its maps and the chains for all VMs.
#include "netsetup/table/layout.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <net/if_arp.h>
#include <stdio.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/kernel/frame_mark.h"
#include "netsetup/table/rule.h"

/*
 * Broadcasts for each second of one guest, and of all guests to the LAN, where they cost air time
 * at the lowest rate. As many may come at once.
 */
#define GUEST_BROADCASTS 50
#define LAN_BROADCASTS   200

/* Registers: a pair is three values that lie one after the other; a MAC fills two. */
#define PAIR         NFT_REG32_04
#define PAIR_MAC     NFT_REG32_05
#define PAIR_ADDRESS NFT_REG32_07
#define MAC          NFT_REG32_08
#define TAP          NFT_REG32_10
#define KEY          NFT_REG32_12

const struct batch_set layout_mac = { "mac", BATCH_MARK, 4, BATCH_MAC, 6, false };
const struct batch_set layout_mss = { "mss", BATCH_MARK, 4, BATCH_PORT, 2, false };
const struct batch_set layout_self = { "self", BATCH_MAC, 6, BATCH_NOTHING, 0, false };
const struct batch_set layout_host4 = { "host4", BATCH_IPV4, 4, BATCH_NOTHING, 0, false };
const struct batch_set layout_bcast4 = { "bcast4", BATCH_IPV4, 4, BATCH_NOTHING, 0, false };
const struct batch_set layout_foreign4 = { "foreign4", BATCH_IPV4, 4, BATCH_NOTHING, 0, false };
const struct batch_set layout_tap_by_pair = {
	"tap_by_pair", BATCH_MAC_IPV4, sizeof(struct layout_mac_ip4), BATCH_IFINDEX, 4, false
};
const struct batch_set layout_tap_by_ip4 = { "tap_by_ip4", BATCH_IPV4, 4, BATCH_IFINDEX, 4, false };
const struct batch_set layout_mac_by_ip4 = { "mac_by_ip4", BATCH_IPV4, 4, BATCH_MAC, 6, true };
const struct batch_set layout_pair4 = { "pair4",       BATCH_PAIR4, sizeof(struct layout_pair4),
					BATCH_NOTHING, 0,           true };

const struct batch_set layout_hops = { "hops",        BATCH_HOP, sizeof(struct layout_hop),
				       BATCH_NOTHING, 0,         true };

/* Sets that never change. */
static const struct batch_set ethertypes = { "ethertypes", BATCH_ETHERTYPE, 2, BATCH_NOTHING, 0,
					     false };
static const struct batch_set arp_operations = { "arp_operations", BATCH_ARPOP, 2,
						 BATCH_NOTHING,    0,           false };
static const struct batch_set dhcp_ports = { "dhcp_ports", BATCH_PORT, 2, BATCH_NOTHING, 0, false };

static const uint32_t mark_lan = FRAME_MARK_LAN, mark_host = FRAME_MARK_HOST, no_mark;
static const uint32_t the_one = LAYOUT_THE_ONE;
static const uint8_t to_host = PACKET_HOST, multicast = PACKET_MULTICAST;
static const uint8_t broadcast[ETH_ALEN] = { 255, 255, 255, 255, 255, 255 };
static const struct in_addr no_address;

static void add_fixed(struct batch *batch, const struct batch_set *set, const uint16_t *values,
		      size_t count)
{
	batch_set(batch, set);
	for (size_t i = 0; i < count; i++) {
		const uint16_t value = htons(values[i]);

		batch_element_add(batch, set, (struct batch_element){ &value, NULL });
	}
}

static void add_sets(struct batch *batch)
{
	static const struct batch_set *const sets[] = {
		&layout_mac,        &layout_mss,      &layout_self,        &layout_host4,
		&layout_bcast4,     &layout_foreign4, &layout_tap_by_pair, &layout_tap_by_ip4,
		&layout_mac_by_ip4, &layout_pair4,
	};
	static const uint16_t types[] = { ETH_P_IP, ETH_P_ARP };
	static const uint16_t operations[] = { ARPOP_REQUEST, ARPOP_REPLY };
	static const uint16_t ports[] = { 67, 68 }; /* RFC 2131 section 4.1 */

	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		batch_set(batch, sets[i]);
	add_fixed(batch, &ethertypes, types, ARRAY_SIZE(types));
	add_fixed(batch, &arp_operations, operations, ARRAY_SIZE(operations));
	add_fixed(batch, &dhcp_ports, ports, ARRAY_SIZE(ports));
}

/* Loads the value of a map of one element. */
static void load_the_one(struct batch *batch, const struct batch_set *map, uint32_t reg)
{
	rule_load_data(batch, &the_one, sizeof(the_one), KEY);
	rule_load_value(batch, map->name, KEY, reg);
}

/* Goes on if the frame's tap, this MAC and this address are in pair4. @mac: NULL: a routed VM's. */
static void if_pair(struct batch *batch, const struct field *mac, const struct field *address)
{
	static const uint8_t any[8];

	rule_load_meta(batch, NFT_META_IIF, PAIR);
	if (mac)
		rule_load(batch, mac, PAIR_MAC);
	else
		rule_load_data(batch, any, sizeof(any), PAIR_MAC);
	rule_load(batch, address, PAIR_ADDRESS);
	rule_if_known(batch, layout_pair4.name, PAIR);
}

static void pass_arp(struct batch *batch, const struct field *mac, const char *comment)
{
	static const uint8_t ethernet_ipv4[] = { 0, ARPHRD_ETHER, 8, 0, ETH_ALEN, 4 };

	rule_begin(batch, "check", comment);
	rule_if_type(batch, ETH_P_ARP);
	rule_if(batch, &rule_arp_fixed, ethernet_ipv4);
	rule_if_in(batch, &rule_arp_operation, arp_operations.name);
	if_pair(batch, mac, &rule_arp_sender);
	rule_return(batch);
}

static void pass_ipv4(struct batch *batch, const struct field *mac, const char *comment)
{
	static const uint8_t reserved = IPPROTO_RAW;

	rule_begin(batch, "check", comment);
	rule_if_type(batch, ETH_P_IP);
	rule_if_meta_not(batch, NFT_META_L4PROTO, &reserved, sizeof(reserved));
	if_pair(batch, mac, &rule_ip_from);
	rule_return(batch);
}

/*
 * Threat: a guest that sends as another host, takes part in others' DHCP, or reaches what only the
 * host itself may. Check: these rules, of which the last drops what none has passed. A fragment
 * without ports is no way round them: its source is checked, and the first fragment has its ports.
 * A packet whose IPv4 header the kernel cannot read has no protocol, so the last check drops it
 * (nft_set_pktinfo_ipv4_validate() in net/netfilter/nf_tables_ipv4.h). Test: test_table.c.
 */
static void add_check(struct batch *batch)
{
	batch_chain(batch, "check", NULL);
	rule_begin(batch, "check", "multicast");
	rule_if_meta(batch, NFT_META_PKTTYPE, &multicast, sizeof(multicast));
	rule_drop(batch);

	pass_arp(batch, &rule_arp_sender_mac, "ARP from its own address, or a probe from none");
	pass_arp(batch, NULL, "the same of a routed guest, whatever its MAC");

	rule_begin(batch, "check", "IPv4 from none, which pair4 has for probes");
	rule_if_type(batch, ETH_P_IP);
	rule_if(batch, &rule_ip_from, &no_address);
	rule_drop(batch);

	rule_begin(batch, "check", "IPv4 to the host's loopback");
	rule_if_type(batch, ETH_P_IP);
	rule_if_loopback(batch);
	rule_drop(batch);

	rule_begin(batch, "check", "IPv4 to a group");
	rule_if_type(batch, ETH_P_IP);
	rule_if_group(batch);
	rule_drop(batch);

	rule_begin(batch, "check", "broadcasts of the host's other networks");
	rule_if_type(batch, ETH_P_IP);
	rule_if_in(batch, &rule_ip_to, layout_foreign4.name);
	rule_drop(batch);

	rule_begin(batch, "check", "DHCP: the guest is no server, and no client of the LAN's");
	rule_if_type(batch, ETH_P_IP);
	rule_if_protocol(batch, IPPROTO_UDP);
	rule_if_first(batch);
	rule_if_in(batch, &rule_port_to, dhcp_ports.name);
	rule_drop(batch);

	pass_ipv4(batch, &rule_mac_from, "IPv4 from its own address, with a header that is one");
	pass_ipv4(batch, NULL, "IPv4 of a routed guest, whatever its MAC");

	rule_begin(batch, "check", "anything else");
	rule_drop(batch);
}

/* Lowers TCP's largest segment to the uplink's: no router answers "too big" on this path. */
static void clamp(struct batch *batch)
{
	load_the_one(batch, &layout_mss, MAC);
	rule_store_maxseg(batch, MAC);
	rule_next(batch);
}

/* Drops the broadcasts of a second above a number. */
static void drop_broadcasts(struct batch *batch, uint32_t rate)
{
	rule_if(batch, &rule_mac_to, broadcast);
	rule_if_more(batch, rate, rate);
	rule_drop(batch);
}

static void forward_to(struct batch *batch, uint32_t ifindex)
{
	rule_load_data(batch, &ifindex, sizeof(ifindex), TAP);
	rule_forward(batch, TAP);
}

/*
 * Threat: a user gives a VM the router's MAC, and has what the host and other guests send by the
 * router. Check: the packet is for the guest's address, too; ARP may answer its probe. The rest
 * goes to the LAN. Test: test_stolen_mac in test_table.py.
 */
static void forward_pair(struct batch *batch, uint16_t type, const struct field *address)
{
	rule_if_type(batch, type);
	rule_load(batch, &rule_mac_to, PAIR_MAC);
	rule_load(batch, address, PAIR_ADDRESS);
	rule_load_value(batch, layout_tap_by_pair.name, PAIR_MAC, TAP);
	rule_forward(batch, TAP);
}

/* To the host, as if it came from the LAN. */
static void add_out_to_host(struct batch *batch, uint32_t gate)
{
	rule_begin(batch, "out", "IPv4 to another guest: from tap to tap");
	forward_pair(batch, ETH_P_IP, &rule_ip_to);

	rule_begin(batch, "out", "ARP to another guest: from tap to tap");
	forward_pair(batch, ETH_P_ARP, &rule_arp_target);

	/* The driver of the tap has marked it as another host's, which IP does not receive. */
	rule_begin(batch, "out", "to the host: by the gate");
	rule_if_in(batch, &rule_mac_to, layout_self.name);
	rule_store_meta(batch, NFT_META_PKTTYPE, &to_host, sizeof(to_host));
	rule_store_meta(batch, NFT_META_MARK, &mark_host, sizeof(mark_host));
	forward_to(batch, gate);

	rule_begin(batch, "out",
		   "a broadcast: the host gets a copy, and by the gate the other guests");
	rule_if(batch, &rule_mac_to, broadcast);
	rule_store_meta(batch, NFT_META_MARK, &mark_host, sizeof(mark_host));
	rule_load_data(batch, &gate, sizeof(gate), TAP);
	rule_copy(batch, TAP);
	rule_next(batch);
}

/* Makes a chain without rules. */
static void begin_chain(struct batch *batch, const char *name, const struct batch_hook *hook)
{
	batch_chain(batch, name, hook);
	batch_chain_flush(batch, name);
}

static void add_out(struct batch *batch, uint32_t uplink, uint32_t gate)
{
	begin_chain(batch, "out", NULL);
	add_out_to_host(batch, gate);

	rule_begin(batch, "out", "too many broadcasts toward the LAN");
	drop_broadcasts(batch, LAN_BROADCASTS);

	rule_begin(batch, "out", "the station's MAC; a mark for uplink_out");
	rule_store_meta(batch, NFT_META_MARK, &mark_lan, sizeof(mark_lan));
	load_the_one(batch, &layout_mac, MAC);
	rule_store(batch, &rule_mac_from, MAC);
	rule_next(batch);

	rule_begin(batch, "out", "ARP: the station's MAC as sender's");
	rule_if_type(batch, ETH_P_ARP);
	load_the_one(batch, &layout_mac, MAC);
	rule_store(batch, &rule_arp_sender_mac, MAC);
	rule_next(batch);

	rule_begin(batch, "out", "TCP's largest segment");
	rule_if_type(batch, ETH_P_IP);
	rule_if_protocol(batch, IPPROTO_TCP);
	rule_if_syn(batch);
	clamp(batch);

	rule_begin(batch, "out", "to the LAN");
	forward_to(batch, uplink);
}

/* Begins a rule for a unicast frame of ARP that comes in. */
static void begin_arp(struct batch *batch, uint16_t operation, const char *comment)
{
	operation = htons(operation);
	rule_begin(batch, "uplink_in", comment);
	rule_if_meta(batch, NFT_META_PKTTYPE, &to_host, sizeof(to_host));
	rule_if_type(batch, ETH_P_ARP);
	rule_if(batch, &rule_arp_operation, &operation);
}

/* If the address is a bridged guest's, its MAC and tap go into the registers. */
static void if_guest(struct batch *batch, const struct field *address)
{
	rule_load(batch, address, PAIR_ADDRESS);
	rule_load_value(batch, layout_mac_by_ip4.name, PAIR_ADDRESS, MAC);
	rule_load_value(batch, layout_tap_by_ip4.name, PAIR_ADDRESS, TAP);
}

static void make_broadcast(struct batch *batch)
{
	rule_load_data(batch, broadcast, sizeof(broadcast), MAC);
	rule_store(batch, &rule_mac_to, MAC);
	rule_next(batch);
}

/* Unicast for guests. */
static void add_uplink_in_guests(struct batch *batch)
{
	rule_begin(batch, "uplink_in", "TCP's largest segment, to a guest");
	rule_if_type(batch, ETH_P_IP);
	rule_if_protocol(batch, IPPROTO_TCP);
	rule_if_syn(batch);
	rule_if_meta(batch, NFT_META_PKTTYPE, &to_host, sizeof(to_host));
	rule_load(batch, &rule_ip_to, PAIR_ADDRESS);
	rule_load_value(batch, layout_tap_by_ip4.name, PAIR_ADDRESS, TAP);
	clamp(batch);

	rule_begin(batch, "uplink_in", "IPv4 to a guest");
	rule_if_meta(batch, NFT_META_PKTTYPE, &to_host, sizeof(to_host));
	rule_if_type(batch, ETH_P_IP);
	if_guest(batch, &rule_ip_to);
	rule_store(batch, &rule_mac_to, MAC);
	rule_forward(batch, TAP);

	/* The host's stack ignores ARP for a guest; the worker, which defends it, does not. */
	begin_arp(batch, ARPOP_REPLY, "ARP reply to a guest: its MAC as target's");
	if_guest(batch, &rule_arp_target);
	rule_store(batch, &rule_mac_to, MAC);
	rule_store(batch, &rule_arp_target_mac, MAC);
	rule_copy(batch, TAP);
	rule_accept(batch);

	begin_arp(batch, ARPOP_REQUEST, "ARP request to a guest");
	if_guest(batch, &rule_arp_target);
	rule_store(batch, &rule_mac_to, MAC);
	rule_copy(batch, TAP);
	rule_accept(batch);
}

/*
 * An access point may send a broadcast to each station as unicast. A guest would not take it under
 * the station's MAC.
 */
static void add_uplink_in_broadcasts(struct batch *batch)
{
	begin_arp(batch, ARPOP_REPLY, "ARP reply to a probe: it has no target, so it is for all");
	rule_if(batch, &rule_arp_target, &no_address);
	make_broadcast(batch);

	begin_arp(batch, ARPOP_REQUEST, "ARP request that was sent as unicast");
	rule_if_not_in(batch, &rule_arp_target, layout_host4.name);
	make_broadcast(batch);

	rule_begin(batch, "uplink_in", "IPv4 broadcast that was sent as unicast");
	rule_if_meta(batch, NFT_META_PKTTYPE, &to_host, sizeof(to_host));
	rule_if_type(batch, ETH_P_IP);
	rule_if_in(batch, &rule_ip_to, layout_bcast4.name);
	make_broadcast(batch);

	rule_begin(batch, "uplink_in", "a broadcast: every guest gets a copy, and the host");
	rule_if(batch, &rule_mac_to, broadcast);
	rule_jump(batch, "flood");
}

static void add_from_gate(struct batch *batch)
{
	begin_chain(batch, "from_gate", NULL);
	rule_begin(batch, "from_gate", "the mark has served");
	rule_store_meta(batch, NFT_META_MARK, &no_mark, sizeof(no_mark));
	rule_next(batch);

	rule_begin(batch, "from_gate", "a broadcast: the other guests get a copy");
	rule_if(batch, &rule_mac_to, broadcast);
	rule_jump(batch, "flood");
}

static void add_uplink_in(struct batch *batch, const char *uplink)
{
	const struct batch_hook hook = { NF_NETDEV_INGRESS, uplink };

	begin_chain(batch, "uplink_in", &hook);
	rule_begin(batch, "uplink_in", "from a guest, by the gate");
	rule_if_meta(batch, NFT_META_MARK, &mark_host, sizeof(mark_host));
	rule_goto(batch, "from_gate");

	rule_begin(batch, "uplink_in", "VLANs and other protocols are the host's");
	rule_if_not_in(batch, &rule_ethertype, ethertypes.name);
	rule_accept(batch);

	rule_begin(batch, "uplink_in",
		   "a broadcast of this station, which the access point repeats");
	rule_if_in(batch, &rule_mac_from, layout_self.name);
	rule_drop(batch);

	add_uplink_in_guests(batch);
	add_uplink_in_broadcasts(batch);
}

static void add_uplink_out(struct batch *batch, const char *uplink)
{
	const struct batch_hook hook = { NF_NETDEV_EGRESS, uplink };

	begin_chain(batch, "uplink_out", &hook);
	rule_begin(batch, "uplink_out", "a guest's frame, which has passed");
	rule_if_meta(batch, NFT_META_MARK, &mark_lan, sizeof(mark_lan));
	rule_store_meta(batch, NFT_META_MARK, &no_mark, sizeof(no_mark));
	rule_accept(batch);

	rule_begin(batch, "uplink_out", "VLANs and other protocols are the host's");
	rule_if_not_in(batch, &rule_ethertype, ethertypes.name);
	rule_accept(batch);

	rule_begin(batch, "uplink_out", "IPv4 of the host to a guest: to its tap");
	forward_pair(batch, ETH_P_IP, &rule_ip_to);

	rule_begin(batch, "uplink_out", "ARP of the host to a guest: to its tap");
	forward_pair(batch, ETH_P_ARP, &rule_arp_target);

	rule_begin(batch, "uplink_out", "a broadcast of the host: every guest gets a copy");
	rule_if(batch, &rule_mac_to, broadcast);
	rule_jump(batch, "flood");
}

void layout_build(struct batch *batch)
{
	add_sets(batch);
	batch_chain(batch, "flood", NULL);
	add_check(batch);
}

void layout_bridge(struct batch *batch, struct interface_id uplink, uint32_t gate)
{
	add_out(batch, uplink.ifindex, gate);
	add_from_gate(batch);
	add_uplink_in(batch, uplink.ifname);
	add_uplink_out(batch, uplink.ifname);
}

static const char *chain_name(uint32_t tap, char name[LAYOUT_CHAIN_SIZE])
{
	snprintf(name, LAYOUT_CHAIN_SIZE, "tap_%u", tap);
	return name;
}

void layout_tap(struct batch *batch, struct interface_id tap, const struct ether_addr *mac,
		bool bridged)
{
	const struct batch_hook hook = { NF_NETDEV_INGRESS, tap.ifname };
	char name[LAYOUT_CHAIN_SIZE];

	/* A chain that exists keeps its hook: no frame passes unchecked meanwhile. */
	batch_chain(batch, chain_name(tap.ifindex, name), &hook);
	batch_chain_flush(batch, name);

	/*
	 * The MAC of a routed guest ends at the tap, and may be that of a bridge in the guest. In a
	 * bridged one's name, a frame would reach the LAN and other guests.
	 */
	if (bridged) {
		rule_begin(batch, name, "not the guest's MAC");
		rule_if_not(batch, &rule_mac_from, mac);
		rule_drop(batch);
	}

	/* The kernel has taken a tag of 802.1Q off; this field has it again (nft_payload.c). */
	rule_begin(batch, name, "VLAN tags and other protocols");
	rule_if_not_in(batch, &rule_ethertype, ethertypes.name);
	rule_drop(batch);

	rule_begin(batch, name, "may it send this?");
	rule_jump(batch, "check");

	/* A frame that no rule takes goes on into the host's stack. */
	if (!bridged)
		return;
	/*
	 * Threat: one guest's storm keeps the host busy, and leaves other guests no broadcast of
	 * those to the LAN. Test: test_storm in test_table.py.
	 */
	rule_begin(batch, name, "too many broadcasts of this guest");
	drop_broadcasts(batch, GUEST_BROADCASTS);

	rule_begin(batch, name, "bridged: below the host's stack");
	rule_goto(batch, "out");
}

/* To make a chain that exists changes nothing; without its tap, the kernel may have deleted it. */
void layout_tap_delete(struct batch *batch, uint32_t tap)
{
	char name[LAYOUT_CHAIN_SIZE];

	batch_chain(batch, chain_name(tap, name), NULL);
	batch_chain_delete(batch, name);
}

void layout_flood(struct batch *batch, uint32_t tap, const struct ether_addr *mac)
{
	rule_begin(batch, "flood", "a copy, unless it is this guest's own");
	rule_if_not(batch, &rule_mac_from, mac);
	rule_load_data(batch, &tap, sizeof(tap), TAP);
	rule_copy(batch, TAP);
	rule_next(batch);
}

void layout_flood_empty(struct batch *batch)
{
	batch_chain_flush(batch, "flood");
}

static void count_hop(struct batch *batch, const char *chain, uint32_t meta, uint32_t hop)
{
	rule_begin(batch, chain, meta == NFT_META_IIF ? "from a guest" : "to a guest");
	rule_load_meta(batch, meta, PAIR);
	rule_load_data(batch, &hop, sizeof(hop), PAIR + 1);
	rule_if_known(batch, layout_hops.name, PAIR);
	rule_next(batch);
}

void layout_count(struct batch *batch)
{
	static const struct batch_hook forward = { NF_INET_FORWARD, NULL };

	batch->family = NFPROTO_IPV4;
	batch_table(batch, false);
	batch_set(batch, &layout_hops);
	batch->priority = INT32_MIN;
	begin_chain(batch, "reached", &forward);
	batch->priority = INT32_MAX;
	begin_chain(batch, "passed", &forward);
	count_hop(batch, "reached", NFT_META_IIF, LAYOUT_OUT_REACHED);
	count_hop(batch, "reached", NFT_META_OIF, LAYOUT_IN_REACHED);
	count_hop(batch, "passed", NFT_META_IIF, LAYOUT_OUT_PASSED);
	count_hop(batch, "passed", NFT_META_OIF, LAYOUT_IN_PASSED);
	batch->family = NFPROTO_NETDEV;
	batch->priority = 0;
}

/* A table of an earlier version has no elements to delete. */
void layout_count_tap(struct batch *batch, uint32_t tap, bool counted)
{
	batch->family = NFPROTO_IPV4;
	for (uint32_t hop = 0; hop < LAYOUT_HOPS; hop++) {
		const struct layout_hop key = { tap, hop };

		batch_element_add(batch, &layout_hops, (struct batch_element){ &key, NULL });
		if (!counted)
			batch_element_delete(batch, &layout_hops, &key);
	}
	batch->family = NFPROTO_NETDEV;
}
