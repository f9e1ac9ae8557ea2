// SPDX-License-Identifier: GPL-2.0-or-later
// Detects address conflicts and defends the guest's address (RFC 5227).
#include "netsetup/worker/acd.h"

#include "netsetup/base/ipv4.h"

/* RFC 5227 section 1.1 */
#define DEFEND_INTERVAL_MS   10000
#define ANNOUNCE_INTERVAL_MS 2000

#define REPORT_INTERVAL_MS 1000

void acd_start(struct acd *acd, struct in_addr address)
{
	if (!ipv4_equal(acd->address, address))
		*acd = (struct acd){ .address = address };
}

static void send_announcement(const struct acd *acd, int socket, const struct ether_addr *mac)
{
	const struct arp announcement = arp_announcement(mac, acd->address);
	struct error ignored;

	arp_send(socket, &announcement, &ignored);
}

void acd_announce(struct acd *acd, int socket, const struct ether_addr *mac, uint64_t now)
{
	send_announcement(acd, socket, mac);
	acd->announce_at = now + ANNOUNCE_INTERVAL_MS;
}

void acd_repeat(struct acd *acd, bool repeat, uint64_t now)
{
	acd->repeat = repeat;
	if (repeat && !acd->announce_at)
		acd->announce_at = now + ACD_REPEAT_MS;
}

void acd_step(struct acd *acd, int socket, const struct ether_addr *mac, uint64_t now)
{
	if (!acd->announce_at || now < acd->announce_at)
		return;
	acd->announce_at = acd->repeat ? now + ACD_REPEAT_MS : 0;
	send_announcement(acd, socket, mac);
}

static void answer_probe(const struct acd *acd, int socket, const struct ether_addr *mac,
			 const struct arp *probe)
{
	const struct arp answer = arp_answer(mac, acd->address, probe);
	struct error ignored;

	arp_send(socket, &answer, &ignored);
}

/* Returns true if less than @interval ms have passed since @then; 0 is long ago. */
static bool is_recent(uint64_t then, uint64_t now, uint64_t interval)
{
	return then && now - then < interval;
}

/* Defends the address; returns true if the second claim within the interval is to be reported. */
static bool defend_address(struct acd *acd, int socket, const struct ether_addr *mac, uint64_t now)
{
	const bool again = is_recent(acd->last_conflict, now, DEFEND_INTERVAL_MS);

	acd->last_conflict = now;
	if (!is_recent(acd->last_defence, now, DEFEND_INTERVAL_MS)) {
		acd->last_defence = now;
		send_announcement(acd, socket, mac);
	}
	if (!again || is_recent(acd->last_report, now, REPORT_INTERVAL_MS))
		return false;
	acd->last_report = now;
	return true;
}

bool acd_receive(struct acd *acd, int socket, const struct ether_addr *mac, const struct arp *arp,
		 uint64_t now)
{
	if (ipv4_unset(acd->address))
		return false;
	if (ipv4_equal(arp->sender, acd->address))
		return defend_address(acd, socket, mac, now);
	if (ipv4_unset(arp->sender) && ipv4_equal(arp->target, acd->address))
		answer_probe(acd, socket, mac, arp);
	return false;
}
