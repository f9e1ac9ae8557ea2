// SPDX-License-Identifier: GPL-2.0-or-later
// Lays out the table: its sets, its maps and the chains for all VMs.
#ifndef NETSETUP_TABLE_LAYOUT_H
#define NETSETUP_TABLE_LAYOUT_H

#include <net/ethernet.h>
#include <netinet/in.h>

#include "netsetup/base/ifname.h"
#include "netsetup/table/batch.h"

/* The one key of a map that holds one value, for rules that need not change with it. */
#define LAYOUT_THE_ONE 1u

/* The station's MAC; TCP's largest segment on the uplink. Maps of one element. */
extern const struct batch_set layout_mac, layout_mss;

/*
 * MACs of the station; addresses of the host; broadcast addresses of the uplink, and of the host's
 * other networks.
 */
extern const struct batch_set layout_self, layout_host4, layout_bcast4, layout_foreign4;

/*
 * The tap of a bridged guest by its address, and by its MAC with that address or 0.0.0.0; its MAC
 * by its address.
 */
extern const struct batch_set layout_tap_by_pair, layout_tap_by_ip4, layout_mac_by_ip4;

/*
 * Each tap with the MAC and an address that its guest may send from: struct layout_pair4. The MAC
 * of a routed guest is zero here, which stands for any.
 */
extern const struct batch_set layout_pair4;

/*
 * Hops of forwarded packets of and to each routed guest, which count them. This set is in a table
 * of the family ip, with the same name and owner.
 */
extern const struct batch_set layout_hops;

enum {
	LAYOUT_OUT_REACHED, /* from the guest, before all other chains of the forward hook */
	LAYOUT_OUT_PASSED,  /* after them */
	LAYOUT_IN_REACHED,
	LAYOUT_IN_PASSED,
	LAYOUT_HOPS,
};

/* A key of hops; both parts are in host byte order. */
struct layout_hop {
	uint32_t ifindex;
	uint32_t hop;
};

/* A key of pair4: each part fills words of 4 octets. @ifindex is in host byte order. */
struct layout_pair4 {
	uint32_t ifindex;
	struct ether_addr mac;
	uint8_t zero[2];
	struct in_addr address;
};

/* A key of tap_by_pair, which is the end of one of pair4. */
struct layout_mac_ip4 {
	struct ether_addr mac;
	uint8_t zero[2];
	struct in_addr address;
};

/* Size of the name of a tap's chain with its NUL. */
#define LAYOUT_CHAIN_SIZE 16

/* layout_build() - make all sets, without elements of VMs and the host, and the chain `check`. */
void layout_build(struct batch *batch);

/**
 * layout_bridge() - make the chains that only bridged VMs need, or what is in them anew.
 * @gate: ifindex of the gate.
 */
void layout_bridge(struct batch *batch, struct interface_id uplink, uint32_t gate);

/**
 * layout_tap() - make the chain of a tap, or what is in it anew.
 * @mac: the guest's.
 * @bridged: false: what passes the checks goes on into the host's stack.
 */
void layout_tap(struct batch *batch, struct interface_id tap, const struct ether_addr *mac,
		bool bridged);

/* layout_tap_delete() - delete the chain of a tap, even if it is gone with the tap. */
void layout_tap_delete(struct batch *batch, uint32_t tap);

/* layout_count() - make the table that counts forwarded packets, unless it is there. */
void layout_count(struct batch *batch);

/* layout_count_tap() - begin or end to count those of a tap. */
void layout_count_tap(struct batch *batch, uint32_t tap, bool counted);

/* layout_flood() - add a bridged guest to those who get copies; layout_flood_empty() - none. */
void layout_flood(struct batch *batch, uint32_t tap, const struct ether_addr *mac);
void layout_flood_empty(struct batch *batch);

#endif
