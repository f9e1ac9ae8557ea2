// SPDX-License-Identifier: GPL-2.0-or-later
// Sends and receives ARP (RFC 826, RFC 5227) on one interface.
#include "netsetup/kernel/arp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "netsetup/base/cleanup.h"

/* An ARP packet with its Ethernet header, as a SOCK_RAW packet socket has it. */
struct frame {
	struct ether_header ethernet;
	struct ether_arp arp;
};

_Static_assert(sizeof(struct frame) == 42, "a frame has no padding");

/* Offsets of a frame. */
#define FORMAT_OFFSET  offsetof(struct frame, arp.arp_hrd) /* hardware type and protocol */
#define LENGTHS_OFFSET offsetof(struct frame, arp.arp_hln)
#define SENDER_OFFSET  offsetof(struct frame, arp.arp_spa)
#define TARGET_OFFSET  offsetof(struct frame, arp.arp_tpa)

/* Packets that arp_receive() skips in one call. Threat: a flood of them blocks the helper. */
#define SKIPPED_MAX 64

#define FORMAT_ETHERNET_IPV4 (ARPHRD_ETHER << 16 | ETHERTYPE_IP)
#define LENGTHS_6_4          (ETH_ALEN << 8 | 4)

int arp_listen(int socket, struct in_addr address, struct error *err)
{
	const uint32_t wanted = ntohl(address.s_addr);
	const bool all = address.s_addr == INADDR_ANY;
	/* The numbers of a jump: instructions to skip if the test is true, and if it is false. */
	const struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 14, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_ARP, 0, 12),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 (uint32_t)(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 10),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FORMAT_OFFSET),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FORMAT_ETHERNET_IPV4, 0, 8),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, LENGTHS_OFFSET),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, LENGTHS_6_4, 0, 6),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SENDER_OFFSET),
		BPF_JUMP(BPF_JMP | (all ? BPF_JGE : BPF_JEQ) | BPF_K, wanted, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, INADDR_ANY, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, TARGET_OFFSET),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, wanted, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, sizeof(struct frame)),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = { ARRAY_SIZE(filter), (struct sock_filter *)filter };

	if (setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		return error_set_errno(err, errno, "cannot filter a packet socket");
	return 0;
}

int arp_open(unsigned int ifindex, struct error *err)
{
	/* A socket for ARP alone would not see what a table passes to a guest. */
	const struct sockaddr_ll address = { .sll_family = AF_PACKET,
					     .sll_protocol = htons(ETH_P_ALL),
					     .sll_ifindex = (int)ifindex };
	cleanup_fd int fd = -1;

	/* With protocol 0 the socket receives nothing before it has its filter and is bound. */
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set_errno(err, errno, "cannot open a packet socket");
	if (arp_listen(fd, (struct in_addr){ INADDR_ANY }, err) < 0)
		return -err->code;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return error_set_errno(err, errno, "cannot bind a packet socket to interface %u",
				       ifindex);
	return take_fd(&fd);
}

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
	struct frame frame = { .ethernet = { .ether_type = htons(ETHERTYPE_ARP) },
			       .arp = { .arp_hln = ETH_ALEN, .arp_pln = sizeof(struct in_addr) } };

	memcpy(frame.ethernet.ether_shost, &arp->sender_mac, ETH_ALEN);
	if (arp->operation == ARPOP_REPLY)
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
