// SPDX-License-Identifier: GPL-2.0-or-later
// Filters what a router sends to an address, and who asks for that address.
#include "netsetup/kernel/access_socket.h"

#include <linux/filter.h>
#include <net/ethernet.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <stddef.h>
#include <stdint.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/kernel/frame_mark.h"
#include "netsetup/kernel/packet_socket.h"

#define ARP_SENDER  (ETH_HLEN + offsetof(struct ether_arp, arp_spa))
#define ARP_TARGET  (ETH_HLEN + offsetof(struct ether_arp, arp_tpa))
#define IP_PROTOCOL (ETH_HLEN + offsetof(struct iphdr, protocol))
#define IP_SENDER   (ETH_HLEN + offsetof(struct iphdr, saddr))

int access_socket_listen(int socket, struct in_addr address, struct in_addr router,
			 struct error *err)
{
	const uint32_t size = router.s_addr == INADDR_ANY ? 0 : ACCESS_SOCKET_SIZE;
	/* The numbers of a jump: instructions to skip if the test is true, and if it is false. */
	const struct sock_filter filter[] = {
		/* Drops a guest's frames to this host: no station of the LAN can set a mark. */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_MARK)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FRAME_MARK_HOST, 14, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 (uint32_t)(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 12),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_ARP, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARP_TARGET),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(address.s_addr), 7, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARP_SENDER),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(router.s_addr), 5, 6),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_IP, 0, 5),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, IP_PROTOCOL),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMP, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, IP_SENDER),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(router.s_addr), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, size),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = { ARRAY_SIZE(filter), (struct sock_filter *)filter };

	return packet_socket_filter(socket, &program, err);
}
