// SPDX-License-Identifier: GPL-2.0-or-later
// Opens the packet socket for ARP on one interface.
#include "netsetup/kernel/arp_socket.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/kernel/frame_mark.h"

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
		/* Drops a guest's frames to this host: no station of the LAN can set a mark. */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_MARK)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FRAME_MARK_HOST, 14, 0),
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
		BPF_STMT(BPF_RET | BPF_K, FRAME_LENGTH),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = { ARRAY_SIZE(filter), (struct sock_filter *)filter };

	if (setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		return error_set_errno(err, errno, "cannot filter a packet socket");
	return 0;
}

int arp_socket_open(unsigned int ifindex, struct error *err)
{
	/* A socket for ARP alone would not see what a table passes to a guest. */
	const struct sockaddr_ll address = { .sll_family = AF_PACKET,
					     .sll_protocol = htons(ETH_P_ALL),
					     .sll_ifindex = (int)ifindex };
	const int on = 1;
	cleanup_fd int fd = -1;

	/* With protocol 0 the socket receives nothing before it has its filter and is bound. */
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set_errno(err, errno, "cannot open a packet socket");
	if (arp_socket_listen(fd, (struct in_addr){ INADDR_ANY }, err) < 0)
		return -err->code;
	/* Each VM has a socket on the uplink, and each packet that leaves would pass them all. */
	if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0)
		return error_set_errno(err, errno, "cannot ignore what a packet socket sends");
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return error_set_errno(err, errno, "cannot bind a packet socket to interface %u",
				       ifindex);
	return take_fd(&fd);
}
