// SPDX-License-Identifier: GPL-2.0-or-later
// Any ARP of the LAN's: read, judged while an address is being proven free, met when it is ours.
#include <string.h>
#include <sys/socket.h>

#include "netsetup/base/ipv4.h"
#include "netsetup/kernel/arp.h"
#include "netsetup/lease/probe.h"
#include "netsetup/session/acd.h"
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct acd acd = { .address.s_addr = OWN };
	static int sockets[2] = { -1, -1 };
	static struct attachment attachment;
	uint64_t now = 1;

	if (sockets[0] < 0) {
		must(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, sockets) == 0);
		attachment.host.arp = sockets[0];
		attachment.host.dry_run = true;
		attachment.uplink.mac = mac;
	}
	while (size > 0) {
		const size_t length = size < PACKET ? size : PACKET;
		const uint64_t before = acd.last_conflict;
		struct arp arp = { 0 };
		bool claim;

		if (arp_parse(data, length, &arp) == 0)
			judge(&arp);
		claim = ipv4_equal(arp.sender, acd.address) &&
			memcmp(&arp.sender_mac, &mac, sizeof(mac));
		must(send(sockets[1], data, length, 0) == (ssize_t)length);
		must(acd_receive(&acd, &attachment, now) ==
		     (claim && before && now - before < 10000));
		now += data[0] * 64;
		data += length;
		size -= length;
	}
	return 0;
}
