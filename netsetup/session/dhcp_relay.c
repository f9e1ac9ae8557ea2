// SPDX-License-Identifier: GPL-2.0-or-later
// Relays DHCP packets between the tap and the unprivileged launcher.
#include "netsetup/session/dhcp_relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

#include "netsetup/base/cleanup.h"

#define SERVER_PORT 67 /* RFC 2131 section 4.1 */
#define CLIENT_PORT 68

#define YIADDR_OFFSET 16 /* RFC 2131 section 2 */

/* Buffer for the auxiliary data of one packet (packet(7), PACKET_AUXDATA). */
union auxiliary {
	char space[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct cmsghdr align;
};

/* Passes received, not sent, IPv4 packets: unfragmented UDP to the server's port. */
static const struct sock_filter filter[] = {
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 10, 0),
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_IP, 0, 8),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, offsetof(struct iphdr, protocol)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 6),
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct iphdr, frag_off)),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, IP_MF | IP_OFFMASK, 4, 0),
	BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
	BPF_STMT(BPF_LD | BPF_H | BPF_IND, offsetof(struct udphdr, dest)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SERVER_PORT, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, DHCP_PACKET_MAX),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

int dhcp_relay_open(unsigned int tap, struct error *err)
{
	const struct sock_fprog program = { ARRAY_SIZE(filter), (struct sock_filter *)filter };
	/*
	 * ETH_P_ALL receives a packet before the classifier of antispoof.h, which drops the packets
	 * of a client that has no address yet, or one of another network.
	 */
	const struct sockaddr_ll address = { .sll_family = AF_PACKET,
					     .sll_protocol = htons(ETH_P_ALL),
					     .sll_ifindex = (int)tap };
	const int on = 1;
	cleanup_fd int fd = -1;

	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set_errno(err, errno, "cannot open a packet socket");
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) < 0 ||
	    /* Avoids a copy of each packet to the guest (Linux 4.20). */
	    (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0 &&
	     errno != ENOPROTOOPT) ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return error_set_errno(err, errno, "cannot listen with a packet socket");
	return take_fd(&fd);
}

/* Returns true if the guest's network card left the UDP checksum to the host. */
static bool checksum_unfinished(struct msghdr *message)
{
	struct tpacket_auxdata data;

	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part;
	     part = CMSG_NXTHDR(message, part)) {
		if (part->cmsg_level != SOL_PACKET || part->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&data, CMSG_DATA(part), sizeof(data));
		return data.tp_status & TP_STATUS_CSUMNOTREADY;
	}
	return false;
}

int dhcp_relay_receive(int socket, struct dhcp_record *record)
{
	struct iovec data = { .iov_base = record->packet, .iov_len = sizeof(record->packet) };
	struct sockaddr_ll from = { 0 };
	union auxiliary auxiliary;
	struct msghdr message = { .msg_name = &from,
				  .msg_namelen = sizeof(from),
				  .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = auxiliary.space,
				  .msg_controllen = sizeof(auxiliary.space) };
	ssize_t size;

	protocol_record_init(record, RECORD_DHCP);
	do {
		size = recvmsg(socket, &message, 0);
	} while (size < 0 && errno == EINTR);
	if (size < 0)
		return -errno;
	record->size = (uint32_t)size;
	record->checksum_unfinished = checksum_unfinished(&message);
	memcpy(&record->mac, from.sll_addr, sizeof(record->mac));
	return 0;
}

bool dhcp_relay_check(const struct dhcp_record *record)
{
	struct iphdr ip;
	struct udphdr udp;

	if (record->size < sizeof(ip) + sizeof(udp) || record->size > sizeof(record->packet))
		return false;
	memcpy(&ip, record->packet, sizeof(ip));
	memcpy(&udp, record->packet + sizeof(ip), sizeof(udp));
	return ip.version == 4 && ip.ihl * 4 == sizeof(ip) && ip.protocol == IPPROTO_UDP &&
	       ntohs(ip.tot_len) == record->size && !(ntohs(ip.frag_off) & (IP_MF | IP_OFFMASK)) &&
	       ntohs(udp.source) == SERVER_PORT && ntohs(udp.dest) == CLIENT_PORT &&
	       ntohs(udp.len) == record->size - sizeof(ip);
}

bool dhcp_relay_gives(const struct dhcp_record *record)
{
	const size_t offset = sizeof(struct iphdr) + sizeof(struct udphdr) + YIADDR_OFFSET;
	struct in_addr address;

	if (record->size < offset + sizeof(address))
		return false;
	memcpy(&address, record->packet + offset, sizeof(address));
	return address.s_addr != INADDR_ANY;
}

int dhcp_relay_send(int socket, unsigned int tap, const struct dhcp_record *record,
		    struct error *err)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETHERTYPE_IP),
				  .sll_ifindex = (int)tap,
				  .sll_halen = sizeof(record->mac) };

	memcpy(to.sll_addr, &record->mac, sizeof(record->mac));
	if (sendto(socket, record->packet, record->size, MSG_DONTWAIT, (const struct sockaddr *)&to,
		   sizeof(to)) < 0)
		return error_set_errno(err, errno, "cannot answer the guest's DHCP");
	return 0;
}
