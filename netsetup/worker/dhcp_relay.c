// SPDX-License-Identifier: GPL-2.0-or-later
// Relays DHCP packets between the tap and the unprivileged launcher.
#include "netsetup/worker/dhcp_relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/stall.h"

#define SERVER_PORT 67 /* RFC 2131 section 4.1 */
#define CLIENT_PORT 68

/* Packets of one call: the limit gives the other VMs their turn during a flood. */
#define RELAY_MAX 16

/* Buffer for the auxiliary data of one packet (packet(7), PACKET_AUXDATA). */
union auxiliary {
	char space[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct cmsghdr align;
};

void dhcp_relay_close(struct dhcp_relay *relay)
{
	if (relay->tap >= 0) {
		close(relay->tap);
		stall_close(relay->client);
	}
	*relay = (struct dhcp_relay){ .tap = -1, .client = -1 };
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

/* Returns 0 or a negative errno. */
static int receive_guest(int tap, struct dhcp_record *record)
{
	struct ether_header ethernet;
	struct iovec data[] = { { &ethernet, sizeof(ethernet) },
				{ record->packet, sizeof(record->packet) } };
	union auxiliary auxiliary;
	struct msghdr message = { .msg_iov = data,
				  .msg_iovlen = ARRAY_SIZE(data),
				  .msg_control = auxiliary.space,
				  .msg_controllen = sizeof(auxiliary.space) };
	ssize_t size;

	protocol_record_init(record, RECORD_DHCP);
	do {
		size = recvmsg(tap, &message, MSG_DONTWAIT);
	} while (size < 0 && errno == EINTR);
	if (size < 0)
		return -errno;
	if ((size_t)size < sizeof(ethernet))
		return -EPROTO;
	record->size = (uint32_t)size - (uint32_t)sizeof(ethernet);
	record->checksum_unfinished = checksum_unfinished(&message);
	memcpy(&record->mac, ethernet.ether_shost, sizeof(record->mac));
	return 0;
}

void dhcp_relay_from_guest(struct dhcp_relay *relay)
{
	struct dhcp_record record;

	for (int i = 0; i < RELAY_MAX; i++) {
		int ret = receive_guest(relay->tap, &record);

		if (ret == 0)
			send(relay->client, &record, record.header.size,
			     MSG_DONTWAIT | MSG_NOSIGNAL);
		else if (ret == -EAGAIN)
			return;
		else if (ret != -ENETDOWN && ret != -EPROTO)
			return dhcp_relay_close(relay);
	}
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

/* A tap that is down or full loses the packet. */
static void send_guest(const struct dhcp_relay *relay, const struct dhcp_record *record)
{
	struct {
		struct ether_header ethernet;
		uint8_t packet[DHCP_PACKET_MAX];
	} frame = { .ethernet = { .ether_type = htons(ETHERTYPE_IP) } };

	memcpy(frame.ethernet.ether_dhost, &record->mac, sizeof(record->mac));
	memcpy(frame.ethernet.ether_shost, &relay->mac, sizeof(relay->mac));
	memcpy(frame.packet, record->packet, record->size);
	send(relay->tap, &frame, sizeof(frame.ethernet) + record->size, MSG_DONTWAIT);
}

/*
 * Returns 0 or a negative errno. Threat: the launcher passes descriptors, whose close waits. A look
 * at the record shows that some are there, and stall_close() drops them (test_dhcp_relay.c).
 */
static int receive_client(int client, union record *record)
{
	struct iovec data = { .iov_base = record, .iov_len = sizeof(*record) };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1 };
	struct error ignored;
	ssize_t size;

	size = recvmsg(client, &message, MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC);
	if (size <= 0)
		return size < 0 ? -errno : -ECONNRESET;
	if (message.msg_flags & MSG_CTRUNC ||
	    protocol_record_check(record, (size_t)size, &ignored) < 0 ||
	    record->header.type != RECORD_DHCP || !dhcp_relay_check(&record->dhcp))
		return -EPROTO;
	return recv(client, record, sizeof(*record), MSG_DONTWAIT) < 0 ? -errno : 0;
}

void dhcp_relay_from_client(struct dhcp_relay *relay)
{
	union record record;

	for (int i = 0; i < RELAY_MAX; i++) {
		int ret = receive_client(relay->client, &record);

		if (ret == -EAGAIN)
			return;
		if (ret < 0)
			return dhcp_relay_close(relay);
		send_guest(relay, &record.dhcp);
	}
}
