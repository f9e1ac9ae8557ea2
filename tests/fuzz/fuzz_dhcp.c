// SPDX-License-Identifier: GPL-2.0-or-later
// Any bytes as DHCP packets of a guest: a whole sequence of them, and what is answered is sound.
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <string.h>

#include "launcher/lan/dhcp_server.h"
#include "netsetup/worker/dhcp_relay.h"

/*
 * An input is an octet that chooses what the server has to tell, and packets, each behind two
 * octets: flags and the packet's size. One that is wrapped gets headers and checksums that fit, or
 * the fuzzer would have to guess these.
 */
#define PACKET_WRAPPED     0x8000
#define PACKET_UNICAST     0x4000
#define PACKET_RECONFIGURE 0x2000 /* the laptop roams, before it */
#define PACKET_UNFINISHED  0x1000
#define PACKET_SIZE        0x07ff

#define CONFIG_SMALL_MTU   1
#define CONFIG_FAR_GATEWAY 2
#define CONFIG_LONG_SEARCH 4
#define CONFIG_NOTHING     8

/* At the end of the two headers, and of BOOTP's fixed part. */
#define HEADERS  (sizeof(struct iphdr) + sizeof(struct udphdr))
#define OPTIONS  (HEADERS + 240)
#define SIZE_MIN (HEADERS + 300)

static const struct ether_addr mac = { { 0x52, 0x54, 0, 0x12, 0x34, 0x56 } };

static struct dhcp_config configuration(unsigned int choice)
{
	struct dhcp_config config = { .mac = mac,
				      .address.s_addr = htonl(0xc000020a),
				      .host.s_addr = htonl(0xc0000201),
				      .prefix_length = 24,
				      .lease = DHCP_LEASE_SECONDS };

	if (choice & CONFIG_NOTHING)
		return config;
	config.gateway.s_addr = htonl(choice & CONFIG_FAR_GATEWAY ? 0xc6336401 : 0xc00002fe);
	config.dns_count = DNS_MAX;
	config.mtu = choice & CONFIG_SMALL_MTU ? 600 : 9000;
	memcpy(config.hostname, "web", 4);
	config.search_count = choice & CONFIG_LONG_SEARCH ? DNS_SEARCH_MAX : 1;
	for (unsigned int i = 0; i < config.search_count; i++) {
		memset(config.search[i], 'a', 40 * (i + 1));
		for (size_t dot = 20; dot < 40 * (i + 1); dot += 40)
			config.search[i][dot] = '.';
	}
	return config;
}

/* The ones' complement sum; 0xffff over what has a right checksum. */
static uint32_t ones_sum(const uint8_t *bytes, size_t size, uint32_t total)
{
	for (size_t i = 0; i < size; i++)
		total += (uint32_t)bytes[i] << (i % 2 ? 0 : 8);
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return total;
}

static uint32_t udp_sum(const uint8_t *packet, size_t size)
{
	const size_t length = size - sizeof(struct iphdr);
	const uint32_t pseudo = ones_sum(packet + offsetof(struct iphdr, saddr), 8, 17 + length);

	return ones_sum(packet + sizeof(struct iphdr), length, pseudo);
}

/* Puts headers before what is in the packet from HEADERS on. */
static void wrap(struct dhcp_record *query, bool unicast)
{
	struct iphdr ip = { .version = 4,
			    .ihl = 5,
			    .ttl = 64,
			    .protocol = IPPROTO_UDP,
			    .tot_len = htons(query->size),
			    .saddr = unicast ? htonl(0xc000020a) : 0,
			    .daddr = htonl(unicast ? 0xc0000201 : INADDR_BROADCAST) };
	struct udphdr udp = { .source = htons(68),
			      .dest = htons(67),
			      .len = htons(query->size - sizeof(ip)) };

	ip.check = htons(0xffff - ones_sum((const uint8_t *)&ip, sizeof(ip), 0));
	memcpy(query->packet, &ip, sizeof(ip));
	memcpy(query->packet + sizeof(ip), &udp, sizeof(udp));
	udp.check = htons(0xffff - udp_sum(query->packet, query->size));
	memcpy(query->packet + sizeof(ip), &udp, sizeof(udp));
}

static void check_reply(const struct dhcp_server *server, const struct dhcp_record *reply)
{
	static const struct ether_addr everyone = { { 255, 255, 255, 255, 255, 255 } };
	size_t at = OPTIONS;

	assert(dhcp_relay_check(reply));
	assert(reply->size >= SIZE_MIN);
	assert(ones_sum(reply->packet, sizeof(struct iphdr), 0) == 0xffff);
	assert(udp_sum(reply->packet, reply->size) == 0xffff);
	/* A card that only informs itself by its own address does not become the client. */
	assert(!memcmp(&reply->mac, &server->client, sizeof(mac)) ||
	       !memcmp(&reply->mac, &mac, sizeof(mac)) ||
	       !memcmp(&reply->mac, &everyone, sizeof(mac)));
	assert(reply->packet[at] == DHCP_OPTION_TYPE);
	while (reply->packet[at] != DHCP_OPTION_END) {
		assert(reply->packet[at] != DHCP_OPTION_PAD);
		at += 2u + reply->packet[at + 1];
		assert(at < reply->size);
	}
}

/* One packet of so many octets. */
static void ask(struct dhcp_server *server, unsigned int flags, const uint8_t *bytes, size_t size)
{
	const size_t headers = flags & PACKET_WRAPPED ? HEADERS : 0;
	struct dhcp_record query = { .mac = mac };
	struct dhcp_record reply;
	struct dhcp_event event;
	int ret;

	if (size > sizeof(query.packet) - headers)
		size = sizeof(query.packet) - headers;
	memcpy(query.packet + headers, bytes, size);
	query.size = headers + size;
	query.checksum_unfinished = flags & PACKET_UNFINISHED ? 1 : 0;
	if (headers)
		wrap(&query, flags & PACKET_UNICAST);
	ret = dhcp_server_answer(server, &query, &reply, &event);
	assert(ret == 1 || ret == 0 || ret == -EBADMSG);
	if (ret == 1)
		check_reply(server, &reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dhcp_config config = configuration(size ? *data : 0);
	struct dhcp_server server;
	size_t at = 1;

	dhcp_server_init(&server, &config);
	while (at + 2 <= size) {
		const unsigned int head = (unsigned int)data[at] << 8 | data[at + 1];
		size_t length = head & PACKET_SIZE;

		at += 2;
		if (length > size - at)
			length = size - at;
		if (head & PACKET_RECONFIGURE) {
			config.address.s_addr ^= htonl(0x100);
			config.host.s_addr ^= htonl(0x100);
			dhcp_server_configure(&server, &config);
		}
		ask(&server, head, data + at, length);
		at += length;
	}
	return 0;
}
