// SPDX-License-Identifier: GPL-2.0-or-later
// The guest's address is defended as a host defends its own (RFC 5227), for the kernel does not.
#include "netsetup/session/acd.h"

#include <string.h>

#include "netsetup/kernel/arp.h"

#define DEFEND_INTERVAL_MS 10000

/* Packets that are read in one turn: a LAN that floods must not hold up everything else. */
#define TURN_MAX 64

int defend_start(struct defence *defence, const struct place *place, struct error *err)
{
	if (!ipv4_equal(defence->address, place_address(place)))
		*defence = (struct defence){ .address = place_address(place) };
	if (arp_listen(place->host.arp, defence->address, err) < 0) {
		error_context(err, "cannot hear ARP on '%s'", place->uplink.ifname);
		return -err->code;
	}
	return 0;
}

void defend_stop(struct defence *defence, const struct place *place)
{
	const struct in_addr nobody = { INADDR_BROADCAST };
	struct error ignored;

	*defence = (struct defence){ 0 };
	arp_listen(place->host.arp, nobody, &ignored);
}

static void answer_probe(const struct defence *defence, const struct place *place,
			 const struct arp *probe)
{
	const struct arp answer = arp_answer(&place->uplink.mac, defence->address, probe);
	struct error ignored;

	arp_send(place->host.arp, place->uplink.ifindex, &answer, &ignored);
}

/* Returns whether it is the second claim within the interval. */
static bool meet_claim(struct defence *defence, struct place *place, const struct arp *claim,
		       uint64_t now)
{
	const bool again = defence->last_conflict &&
			   now - defence->last_conflict < DEFEND_INTERVAL_MS;
	struct error ignored;

	defence->last_conflict = now;
	defence->rival = claim->sender_mac;
	if (defence->last_defence && now - defence->last_defence < DEFEND_INTERVAL_MS)
		return again;
	defence->last_defence = now;
	host_announce(&place->host, defence->address, place_uplink(place), &place->uplink.mac,
		      &ignored);
	return again;
}

bool defend_receive(struct defence *defence, struct place *place, uint64_t now)
{
	bool contested = false;
	struct arp arp;

	for (int i = 0; i < TURN_MAX && arp_receive(place->host.arp, &arp) == 0; i++) {
		/* An access point that answers ARP for its stations says what we said. */
		if (!memcmp(&arp.sender_mac, &place->uplink.mac, sizeof(arp.sender_mac)))
			continue;
		if (ipv4_unset(defence->address))
			continue;
		if (ipv4_equal(arp.sender, defence->address))
			contested |= meet_claim(defence, place, &arp, now);
		else if (ipv4_unset(arp.sender) && ipv4_equal(arp.target, defence->address))
			answer_probe(defence, place, &arp);
	}
	return contested;
}
