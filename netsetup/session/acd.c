// SPDX-License-Identifier: GPL-2.0-or-later
// Detects address conflicts and defends the guest's address (RFC 5227).
#include "netsetup/session/acd.h"

#include <string.h>

#include "netsetup/kernel/arp.h"

#define DEFEND_INTERVAL_MS 10000

/* Packets for one call: a flood must not block everything else. */
#define TURN_MAX 64

int acd_start(struct acd *acd, const struct attachment *attachment, struct error *err)
{
	if (!ipv4_equal(acd->address, attachment_address(attachment)))
		*acd = (struct acd){ .address = attachment_address(attachment) };
	if (arp_listen(attachment->host.arp, acd->address, err) < 0) {
		error_context(err, "cannot listen for ARP on '%s'", attachment->uplink.ifname);
		return -err->code;
	}
	return 0;
}

void acd_stop(struct acd *acd, const struct attachment *attachment)
{
	const struct in_addr nobody = { INADDR_BROADCAST };
	struct error ignored;

	*acd = (struct acd){ 0 };
	arp_listen(attachment->host.arp, nobody, &ignored);
}

static void answer_probe(const struct acd *acd, const struct attachment *attachment,
			 const struct arp *probe)
{
	const struct arp answer = arp_answer(&attachment->uplink.mac, acd->address, probe);
	struct error ignored;

	arp_send(attachment->host.arp, attachment->uplink.ifindex, &answer, &ignored);
}

/* Defends the address; returns true at the second claim within the interval. */
static bool defend_address(struct acd *acd, struct attachment *attachment, const struct arp *claim,
			   uint64_t now)
{
	const bool again = acd->last_conflict && now - acd->last_conflict < DEFEND_INTERVAL_MS;
	struct error ignored;

	acd->last_conflict = now;
	acd->conflicting_host = claim->sender_mac;
	if (acd->last_defence && now - acd->last_defence < DEFEND_INTERVAL_MS)
		return again;
	acd->last_defence = now;
	host_announce(&attachment->host, acd->address, attachment_uplink(attachment),
		      &attachment->uplink.mac, &ignored);
	return again;
}

bool acd_receive(struct acd *acd, struct attachment *attachment, uint64_t now)
{
	bool conflict = false;
	struct arp arp;

	for (int i = 0; i < TURN_MAX && arp_receive(attachment->host.arp, &arp) == 0; i++) {
		/* An access point that answers ARP for its stations repeats our own packets. */
		if (!memcmp(&arp.sender_mac, &attachment->uplink.mac, sizeof(arp.sender_mac)))
			continue;
		if (ipv4_unset(acd->address))
			continue;
		if (ipv4_equal(arp.sender, acd->address))
			conflict |= defend_address(acd, attachment, &arp, now);
		else if (ipv4_unset(arp.sender) && ipv4_equal(arp.target, acd->address))
			answer_probe(acd, attachment, &arp);
	}
	return conflict;
}
