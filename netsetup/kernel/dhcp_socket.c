// SPDX-License-Identifier: GPL-2.0-or-later
// Opens the packet socket that receives a guest's DHCP packets.
#include "netsetup/kernel/dhcp_socket.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <sys/socket.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/kernel/packet_socket.h"

#define SERVER_PORT 67 /* RFC 2131 section 4.1 */

/* Passes IPv4 packets: unfragmented UDP to the server's port. */
static const struct sock_filter filter[] = {
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_IP, 0, 8),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ETH_HLEN + offsetof(struct iphdr, protocol)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 6),
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, ETH_HLEN + offsetof(struct iphdr, frag_off)),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, IP_MF | IP_OFFMASK, 4, 0),
	BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, ETH_HLEN),
	BPF_STMT(BPF_LD | BPF_H | BPF_IND, ETH_HLEN + offsetof(struct udphdr, dest)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SERVER_PORT, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, ETH_FRAME_LEN),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

int dhcp_socket_open(unsigned int tap, struct error *err)
{
	const struct sock_fprog program = { ARRAY_SIZE(filter), (struct sock_filter *)filter };
	const int on = 1;
	cleanup_fd int fd = -1;

	/* Before the uplink's table, which drops all DHCP: no other server may answer the guest. */
	fd = packet_socket_open(tap, ETH_P_ALL, err);
	if (fd < 0 || packet_socket_filter(fd, &program, err) < 0)
		return -err->code;
	if (setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) < 0)
		return error_set_errno(err, errno, "cannot listen with a packet socket");
	return take_fd(&fd);
}
