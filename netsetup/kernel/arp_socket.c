// SPDX-License-Identifier: GPL-2.0-or-later
// Filters the ARP packets of an uplink.
#include "netsetup/kernel/arp_socket.h"

#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <stdbool.h>
#include <stddef.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/kernel/packet_socket.h"

/* Offsets of a frame. */
#define FORMAT_OFFSET \
	(ETH_HLEN + offsetof(struct ether_arp, arp_hrd)) /* hardware type and protocol */
#define LENGTHS_OFFSET (ETH_HLEN + offsetof(struct ether_arp, arp_hln))
#define SENDER_OFFSET  (ETH_HLEN + offsetof(struct ether_arp, arp_spa))
#define TARGET_OFFSET  (ETH_HLEN + offsetof(struct ether_arp, arp_tpa))

#define FORMAT_ETHERNET_IPV4 (ARPHRD_ETHER << 16 | ETHERTYPE_IP)
#define LENGTHS_6_4          (ETH_ALEN << 8 | 4)
#define FRAME_LENGTH         (ETH_HLEN + sizeof(struct ether_arp))

int arp_socket_listen(int socket, struct in_addr address, struct error *err)
{
	const uint32_t wanted = ntohl(address.s_addr);
	const bool all = address.s_addr == INADDR_ANY;
	/* The numbers of a jump: instructions to skip if the test is true, and if it is false. */
	const struct sock_filter filter[] = {
		/* Drops the frames of a VLAN, of which the kernel has taken the tag off by now. */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OTHERHOST, 10, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FORMAT_OFFSET),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FORMAT_ETHERNET_IPV4, 0, 8),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, LENGTHS_OFFSET),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, LENGTHS_6_4, 0, 6),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SENDER_OFFSET),
		BPF_JUMP(BPF_JMP | (all ? BPF_JGE : BPF_JEQ) | BPF_K, wanted, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, INADDR_ANY, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, TARGET_OFFSET),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, wanted, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, FRAME_LENGTH),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = { ARRAY_SIZE(filter), (struct sock_filter *)filter };

	return packet_socket_filter(socket, &program, err);
}
