// SPDX-License-Identifier: GPL-2.0-or-later
// Any ARP of the LAN's: read, judged while an address is being proven free, met when it is ours.
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "netsetup/base/ipv4.h"
#include "netsetup/kernel/arp.h"
#include "netsetup/worker/acd.h"
#include "netsetup/worker/probe.h"
#include "tests/fuzz/fuzz.h"

#define PACKET 28
#define OWN    0x0a4da8c0 /* 192.168.77.10, little-endian */

static const struct ether_addr mac = { { 2, 0, 0, 0x77, 0, 2 } };

static void judge(const struct arp *arp)
{
	struct probe probes[] = { { .address.s_addr = OWN }, { .address.s_addr = OWN ^ 1u << 24 } };
	const bool own = !memcmp(&arp->sender_mac, &mac, sizeof(mac));
	size_t found = probe_judge(arp, &mac, probes, 2);

	must(found <= 1 && !(own && found));
	must(found == (size_t)probes[0].taken + probes[1].taken);
	for (size_t i = 0; i < 2; i++)
		must(!probes[i].taken || ipv4_equal(arp->sender, probes[i].address) ||
		     (ipv4_unset(arp->sender) && ipv4_equal(arp->target, probes[i].address)));
}

/* A report needs a claim, an earlier one and a pause. */
static void defend(struct acd *acd, int socket, const struct arp *arp, uint64_t now)
{
	const struct acd before = *acd;
	const bool claim = ipv4_equal(arp->sender, acd->address);
	const bool report = acd_receive(acd, socket, &mac, arp, now);

	must(!report || (claim && before.last_conflict && now - before.last_conflict < 10000));
	must(!report || !before.last_report || now - before.last_report >= 1000);
	must(acd->last_conflict == (claim ? now : before.last_conflict));
}

/* Sends a packet as a frame; receives it if it is ARP. */
static void pass(struct acd *acd, const int sockets[2], const uint8_t *packet, size_t size,
		 uint64_t now)
{
	uint8_t frame[ETHER_HDR_LEN + PACKET] = { [12] = 0x08, [13] = 0x06 };
	struct arp arp, received;

	memcpy(frame + ETHER_HDR_LEN, packet, size);
	must(send(sockets[1], frame, ETHER_HDR_LEN + size, 0) >= 0);
	if (arp_parse(packet, size, &arp) < 0) {
		must(arp_receive(sockets[0], &received) == -EAGAIN);
		return;
	}
	must(arp_receive(sockets[0], &received) == 0);
	must(ipv4_equal(arp.sender, received.sender) && ipv4_equal(arp.target, received.target));
	judge(&arp);
	defend(acd, sockets[0], &arp, now);
	/* The answers. */
	while (recv(sockets[1], frame, sizeof(frame), 0) >= 0)
		continue;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct acd acd = { .address.s_addr = OWN };
	static int sockets[2] = { -1, -1 };
	uint64_t now = 1;

	if (sockets[0] < 0)
		must(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, sockets) == 0);
	while (size > 0) {
		const size_t length = size < PACKET ? size : PACKET;

		pass(&acd, sockets, data, length, now);
		now += data[0] * 64;
		data += length;
		size -= length;
	}
	return 0;
}
