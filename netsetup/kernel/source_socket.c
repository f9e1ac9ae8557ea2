// SPDX-License-Identifier: GPL-2.0-or-later
// Filters the frames that a guest sends from a foreign address.
#include "netsetup/kernel/source_socket.h"

#include <linux/filter.h>
#include <net/ethernet.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <stddef.h>
#include <string.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/kernel/packet_socket.h"

#define ARP_SENDER (ETH_HLEN + offsetof(struct ether_arp, arp_spa))
#define IP_SENDER  (ETH_HLEN + offsetof(struct iphdr, saddr))

int source_socket_listen(int socket, struct in_addr address, struct error *err)
{
	/* The numbers of a jump: instructions to skip if the test is true, and if it is false. */
	const struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_IP, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_ARP, 0, 6),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARP_SENDER),
		BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, IP_SENDER),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, INADDR_ANY, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(address.s_addr), 1, 0),
		BPF_STMT(BPF_RET | BPF_K, address.s_addr == INADDR_ANY ? 0 : SOURCE_SOCKET_SIZE),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = { ARRAY_SIZE(filter), (struct sock_filter *)filter };

	return packet_socket_filter(socket, &program, err);
}

struct in_addr source_socket_sender(const unsigned char frame[SOURCE_SOCKET_SIZE])
{
	struct in_addr sender;
	uint16_t type;

	/* A tag of 802.1Q is gone from the frame (packet(7)). */
	memcpy(&type, frame + offsetof(struct ether_header, ether_type), sizeof(type));
	memcpy(&sender, frame + (ntohs(type) == ETHERTYPE_ARP ? ARP_SENDER : IP_SENDER),
	       sizeof(sender));
	return sender;
}
