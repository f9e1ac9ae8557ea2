// SPDX-License-Identifier: GPL-2.0-or-later
// Builds the sample packets by which the kernel is asked if it forwards.
#include "netsetup/worker/sample.h"

#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

#include "netsetup/maker/ask.h"

#define PORT 0xc600 /* of no service; each sample has its own, so none is an answer to another */
#define TTL  64
#define MSS  1460

/* A SYN with its usual option: some rules drop what has none. */
struct syn {
	struct tcphdr tcp;
	uint8_t kind;
	uint8_t length;
	uint16_t mss;
};

struct datagram {
	struct udphdr udp;
	uint8_t data[8];
};

struct echo {
	struct icmphdr icmp;
	uint8_t data[8];
};

/* The headers after that of IPv4. */
union inner {
	struct syn syn;
	struct datagram datagram;
	struct echo echo;
};

_Static_assert(SAMPLE_SIZE_MAX ==
		       sizeof(struct ether_header) + sizeof(struct iphdr) + sizeof(union inner),
	       "the largest sample");

unsigned int sample_number(enum verdict_direction direction, enum verdict_kind kind)
{
	return (unsigned int)direction * VERDICT_KINDS + (unsigned int)kind;
}

struct in_addr sample_source(const struct sample_ends *ends, enum verdict_direction direction)
{
	return direction == VERDICT_OUT ? ends->guest : ends->station;
}

struct in_addr sample_target(const struct sample_ends *ends, enum verdict_direction direction)
{
	return direction == VERDICT_OUT ? ends->station : ends->guest;
}

/* Adds 16-bit words; an even number of bytes (RFC 1071). */
static uint32_t sum(uint32_t start, const void *data, size_t size)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i + 1 < size; i += 2)
		start += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	return start;
}

static uint16_t finish(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* The part of a checksum that TCP and UDP compute over the addresses (RFC 9293 section 3.1). */
static uint32_t pseudo_sum(const struct iphdr *ip, size_t size)
{
	const uint32_t addresses = sum(0, &ip->saddr, sizeof(ip->saddr));

	return sum(addresses, &ip->daddr, sizeof(ip->daddr)) + ip->protocol + (uint32_t)size;
}

static size_t build_syn(const struct iphdr *ip, uint16_t port, union inner *inner)
{
	struct syn *syn = &inner->syn;

	syn->tcp = (struct tcphdr){ .source = port,
				    .dest = port,
				    .seq = htonl(1),
				    .doff = sizeof(*syn) / 4,
				    .syn = 1,
				    .window = htons(UINT16_MAX) };
	syn->kind = TCPOPT_MAXSEG;
	syn->length = TCPOLEN_MAXSEG;
	syn->mss = htons(MSS);
	syn->tcp.check = finish(sum(pseudo_sum(ip, sizeof(*syn)), syn, sizeof(*syn)));
	return sizeof(*syn);
}

static size_t build_datagram(const struct iphdr *ip, uint16_t port, union inner *inner)
{
	struct datagram *datagram = &inner->datagram;

	*datagram = (struct datagram){
		.udp = { .source = port, .dest = port, .len = htons(sizeof(*datagram)) }
	};
	datagram->udp.check = finish(
		sum(pseudo_sum(ip, sizeof(*datagram)), datagram, sizeof(*datagram)));
	return sizeof(*datagram);
}

static size_t build_echo(uint16_t id, union inner *inner)
{
	struct echo *echo = &inner->echo;

	*echo = (struct echo){ .icmp = { .type = ICMP_ECHO,
					 .un.echo = { .id = id, .sequence = htons(1) } } };
	echo->icmp.checksum = finish(sum(0, echo, sizeof(*echo)));
	return sizeof(*echo);
}

static size_t build_inner(const struct iphdr *ip, unsigned int number, union inner *inner)
{
	const uint16_t port = htons((uint16_t)(PORT + number));

	switch (ip->protocol) {
	case IPPROTO_TCP:
		return build_syn(ip, port, inner);
	case IPPROTO_UDP:
		return build_datagram(ip, port, inner);
	default:
		return build_echo(port, inner);
	}
}

size_t sample_build(const struct sample_ends *ends, unsigned int number,
		    uint8_t frame[SAMPLE_SIZE_MAX])
{
	static const uint8_t protocols[VERDICT_KINDS] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };
	const enum verdict_direction direction = number / VERDICT_KINDS;
	struct ether_header ethernet = { .ether_type = htons(ETHERTYPE_IP) };
	struct iphdr ip = { .version = 4,
			    .ihl = sizeof(ip) / 4,
			    .id = htons((uint16_t)(ASK_SAMPLE_ID + number)),
			    .ttl = TTL,
			    .protocol = protocols[number % VERDICT_KINDS],
			    .saddr = sample_source(ends, direction).s_addr,
			    .daddr = sample_target(ends, direction).s_addr };
	union inner inner;
	const size_t size = build_inner(&ip, number, &inner);

	ip.tot_len = htons((uint16_t)(sizeof(ip) + size));
	ip.check = finish(sum(0, &ip, sizeof(ip)));
	memcpy(ethernet.ether_dhost, &ends->gate, sizeof(ends->gate));
	memcpy(ethernet.ether_shost, &ends->guest_mac, sizeof(ends->guest_mac));
	memcpy(frame, &ethernet, sizeof(ethernet));
	memcpy(frame + sizeof(ethernet), &ip, sizeof(ip));
	memcpy(frame + sizeof(ethernet) + sizeof(ip), &inner, size);
	return sizeof(ethernet) + sizeof(ip) + size;
}
