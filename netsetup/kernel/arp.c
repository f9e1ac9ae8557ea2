// SPDX-License-Identifier: GPL-2.0-or-later
// Sends and receives ARP (RFC 826, RFC 5227) on one interface.
#include "netsetup/kernel/arp.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* An ARP packet with its Ethernet header, as a SOCK_RAW packet socket has it. */
struct frame {
	struct ether_header ethernet;
	struct ether_arp arp;
};

_Static_assert(sizeof(struct frame) == 42, "a frame has no padding");

/* Packets that arp_receive() skips in one call. Threat: a flood of them blocks the helper. */
#define SKIPPED_MAX 64

int arp_parse(const void *packet, size_t size, struct arp *arp)
{
	struct ether_arp raw;

	if (size < sizeof(raw))
		return -EPROTO;
	memcpy(&raw, packet, sizeof(raw));
	if (raw.arp_hrd != htons(ARPHRD_ETHER) || raw.arp_pro != htons(ETHERTYPE_IP) ||
	    raw.arp_hln != ETH_ALEN || raw.arp_pln != sizeof(struct in_addr))
		return -EPROTO;
	if (raw.arp_op != htons(ARPOP_REQUEST) && raw.arp_op != htons(ARPOP_REPLY))
		return -EPROTO;

	arp->operation = ntohs(raw.arp_op);
	memcpy(&arp->sender_mac, raw.arp_sha, sizeof(arp->sender_mac));
	memcpy(&arp->sender, raw.arp_spa, sizeof(arp->sender));
	memcpy(&arp->target_mac, raw.arp_tha, sizeof(arp->target_mac));
	memcpy(&arp->target, raw.arp_tpa, sizeof(arp->target));
	return 0;
}

int arp_receive(int socket, struct arp *arp)
{
	for (int i = 0; i < SKIPPED_MAX; i++) {
		struct sockaddr_ll from = { 0 };
		socklen_t length = sizeof(from);
		struct frame frame;
		ssize_t size;

		size = recvfrom(socket, &frame, sizeof(frame), MSG_DONTWAIT,
				(struct sockaddr *)&from, &length);
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return -errno;
		if (from.sll_pkttype == PACKET_OUTGOING || (size_t)size < sizeof(frame) ||
		    frame.ethernet.ether_type != htons(ETHERTYPE_ARP))
			continue;
		if (arp_parse(&frame.arp, sizeof(frame.arp), arp) == 0)
			return 0;
	}
	return -EAGAIN;
}

int arp_send(int socket, const struct arp *arp, struct error *err)
{
	static const struct ether_addr unknown;
	struct frame frame = { .ethernet = { .ether_type = htons(ETHERTYPE_ARP) },
			       .arp = { .arp_hln = ETH_ALEN, .arp_pln = sizeof(struct in_addr) } };

	memcpy(frame.ethernet.ether_shost, &arp->sender_mac, ETH_ALEN);
	if (arp->operation == ARPOP_REPLY ||
	    memcmp(&arp->target_mac, &unknown, sizeof(unknown)) != 0)
		memcpy(frame.ethernet.ether_dhost, &arp->target_mac, ETH_ALEN);
	else
		memset(frame.ethernet.ether_dhost, 0xff, ETH_ALEN);
	frame.arp.arp_hrd = htons(ARPHRD_ETHER);
	frame.arp.arp_pro = htons(ETHERTYPE_IP);
	frame.arp.arp_op = htons((uint16_t)arp->operation);
	memcpy(frame.arp.arp_sha, &arp->sender_mac, ETH_ALEN);
	memcpy(frame.arp.arp_spa, &arp->sender, sizeof(arp->sender));
	memcpy(frame.arp.arp_tha, &arp->target_mac, ETH_ALEN);
	memcpy(frame.arp.arp_tpa, &arp->target, sizeof(arp->target));
	if (send(socket, &frame, sizeof(frame), MSG_DONTWAIT) < 0)
		return error_set_errno(err, errno, "cannot send ARP");
	return 0;
}

struct arp arp_probe(const struct ether_addr *mac, struct in_addr address)
{
	return (struct arp){ .operation = ARPOP_REQUEST, .sender_mac = *mac, .target = address };
}

struct arp arp_answer(const struct ether_addr *mac, struct in_addr address, const struct arp *asked)
{
	return (struct arp){ .operation = ARPOP_REPLY,
			     .sender_mac = *mac,
			     .sender = address,
			     .target_mac = asked->sender_mac,
			     .target = asked->sender };
}

struct arp arp_announcement(const struct ether_addr *mac, struct in_addr address)
{
	return (struct arp){
		.operation = ARPOP_REQUEST, .sender_mac = *mac, .sender = address, .target = address
	};
}

const char *arp_mac_text(const struct ether_addr *mac, char text[ARP_MAC_TEXT_SIZE])
{
	const uint8_t *octet = mac->ether_addr_octet;

	snprintf(text, ARP_MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", octet[0], octet[1],
		 octet[2], octet[3], octet[4], octet[5]);
	return text;
}
