// SPDX-License-Identifier: GPL-2.0-or-later
// Reads DHCP queries and writes replies, from the IPv4 header on.
#include "launcher/lan/dhcp_packet.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <net/if_arp.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <string.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"

#define BOOTP_REQUEST 1 /* RFC 2131 section 2 */
#define BOOTP_REPLY   2

#define FLAG_BROADCAST 0x8000

/* Some clients and relays drop a BOOTP message that is shorter (RFC 1542 section 2.1). */
#define BOOTP_SIZE_MIN 300

/* RFC 2132 section 9.3. */
#define OVERLOAD_FILE  1
#define OVERLOAD_SNAME 2

/* RFC 2131 section 2; no padding, since each field is aligned to its size. */
struct bootp {
	uint8_t op;
	uint8_t htype;
	uint8_t hlen;
	uint8_t hops;
	uint32_t xid;
	uint16_t secs;
	uint16_t flags;
	struct in_addr ciaddr;
	struct in_addr yiaddr;
	struct in_addr siaddr;
	struct in_addr giaddr;
	uint8_t chaddr[16];
	uint8_t sname[64];
	uint8_t file[128];
	uint8_t cookie[4];
};

_Static_assert(sizeof(struct bootp) == 240, "RFC 2131 figure 1 and the cookie");

static const uint8_t cookie[4] = { 99, 130, 83, 99 };

/* Offsets of a reply's parts. */
#define UDP_AT     sizeof(struct iphdr)
#define BOOTP_AT   (UDP_AT + sizeof(struct udphdr))
#define OPTIONS_AT (BOOTP_AT + sizeof(struct bootp))

/* The options that a server must understand, with the limits of their values' sizes. */
enum known {
	KNOWN_REQUESTED,
	KNOWN_OVERLOAD,
	KNOWN_TYPE,
	KNOWN_SERVER,
	KNOWN_PARAMETERS,
	KNOWN_SIZE_MAX,
	KNOWN_CLIENT_ID,
	KNOWN_RAPID_COMMIT,
};

static const struct {
	uint8_t code;
	uint8_t least;
	uint8_t most;
} known[] = {
	[KNOWN_REQUESTED] = { DHCP_OPTION_REQUESTED, 4, 4 },
	[KNOWN_OVERLOAD] = { DHCP_OPTION_OVERLOAD, 1, 1 },
	[KNOWN_TYPE] = { DHCP_OPTION_TYPE, 1, 1 },
	[KNOWN_SERVER] = { DHCP_OPTION_SERVER, 4, 4 },
	[KNOWN_PARAMETERS] = { DHCP_OPTION_PARAMETERS, 0, DHCP_VALUE_MAX },
	[KNOWN_SIZE_MAX] = { DHCP_OPTION_SIZE_MAX, 2, 2 },
	[KNOWN_CLIENT_ID] = { DHCP_OPTION_CLIENT_ID, 1, DHCP_VALUE_MAX },
	[KNOWN_RAPID_COMMIT] = { DHCP_OPTION_RAPID_COMMIT, 0, 0 },
};

/**
 * struct values - the known options of a packet.
 * @present: true if the packet has the option.
 * @size: octets of its value.
 * @bytes: the value, joined from all parts of the option.
 */
struct values {
	struct {
		bool present;
		uint8_t size;
		uint8_t bytes[DHCP_VALUE_MAX];
	} of[ARRAY_SIZE(known)];
};

/* Adds octets to the Internet checksum's sum (RFC 1071), not yet folded. */
static uint32_t checksum_add(const uint8_t *bytes, size_t size, uint32_t start)
{
	uint32_t total = start;

	assert(size <= DHCP_PACKET_MAX);
	for (size_t i = 0; i < size; i++)
		total += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	return total;
}

/* Returns 0 for data with a correct checksum, or the checksum of data whose field is 0. */
static uint16_t checksum_fold(uint32_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return ~total & 0xffff;
}

/* Covers the pseudo header (RFC 768), the UDP header and the data. */
static uint16_t udp_checksum(const struct iphdr *ip, const uint8_t *udp, size_t size)
{
	uint32_t total = IPPROTO_UDP + (uint32_t)size;

	total = checksum_add((const uint8_t *)&ip->saddr, sizeof(ip->saddr), total);
	total = checksum_add((const uint8_t *)&ip->daddr, sizeof(ip->daddr), total);
	return checksum_fold(checksum_add(udp, size, total));
}

/* Checks the headers; sets @bytes and @size to the UDP payload. */
static int parse_headers(const struct dhcp_record *record, struct iphdr *ip, const uint8_t **bytes,
			 size_t *size)
{
	struct udphdr udp;
	size_t header;
	size_t length;

	if (record->size > sizeof(record->packet) || record->size < sizeof(*ip))
		return -EBADMSG;
	memcpy(ip, record->packet, sizeof(*ip));
	header = ip->ihl * 4u;
	length = ntohs(ip->tot_len);
	if (ip->version != 4 || header < sizeof(*ip) || length < header + sizeof(udp) ||
	    length > record->size || checksum_fold(checksum_add(record->packet, header, 0)))
		return -EBADMSG;
	if (ip->protocol != IPPROTO_UDP || ntohs(ip->frag_off) & (IP_MF | IP_OFFMASK))
		return -EBADMSG;

	memcpy(&udp, record->packet + header, sizeof(udp));
	length -= header;
	if (ntohs(udp.dest) != DHCP_SERVER_PORT || ntohs(udp.len) < sizeof(udp) ||
	    ntohs(udp.len) > length)
		return -EBADMSG;
	length = ntohs(udp.len);
	if (udp.check && !record->checksum_unfinished &&
	    udp_checksum(ip, record->packet + header, length))
		return -EBADMSG;

	*bytes = record->packet + header + sizeof(udp);
	*size = length - sizeof(udp);
	return 0;
}

/* Stores one option's value, or appends it to an earlier part of the same option. */
static int store_option(uint8_t code, const uint8_t *value, size_t size, struct values *values)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (known[i].code != code)
			continue;
		if (size + values->of[i].size > known[i].most)
			return -EBADMSG;
		memcpy(values->of[i].bytes + values->of[i].size, value, size);
		values->of[i].size += size;
		values->of[i].present = true;
	}
	return 0;
}

/* Parses the options of one area, up to 'end' or the area's end. */
static int parse_options(const uint8_t *area, size_t size, struct values *values)
{
	size_t at = 0;

	while (at < size && area[at] != DHCP_OPTION_END) {
		const uint8_t code = area[at++];
		size_t length;
		int ret;

		if (code == DHCP_OPTION_PAD)
			continue;
		if (at == size || area[at] >= size - at)
			return -EBADMSG;
		length = area[at++];
		ret = store_option(code, area + at, length, values);
		if (ret < 0)
			return ret;
		at += length;
	}
	return 0;
}

static int parse_overloaded(const uint8_t *area, size_t size, struct values *values)
{
	/* Each area may have option 52; its values must not be joined. */
	values->of[KNOWN_OVERLOAD].present = false;
	values->of[KNOWN_OVERLOAD].size = 0;
	return parse_options(area, size, values);
}

static bool too_short(const struct values *values, enum known which)
{
	return values->of[which].present && values->of[which].size < known[which].least;
}

/*
 * Parses the options of all areas. Option 52 within 'file' or 'sname' is ignored, so a packet
 * cannot make this loop.
 */
static int parse_areas(const struct bootp *bootp, const uint8_t *options, size_t size,
		       struct values *values)
{
	unsigned int overload;
	int ret;

	ret = parse_options(options, size, values);
	if (ret < 0)
		return ret;
	overload = values->of[KNOWN_OVERLOAD].bytes[0];
	if (overload > (OVERLOAD_FILE | OVERLOAD_SNAME) || too_short(values, KNOWN_OVERLOAD))
		return -EBADMSG;
	if (overload & OVERLOAD_FILE)
		ret = parse_overloaded(bootp->file, sizeof(bootp->file), values);
	if (ret == 0 && overload & OVERLOAD_SNAME)
		ret = parse_overloaded(bootp->sname, sizeof(bootp->sname), values);
	if (ret < 0)
		return ret;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (too_short(values, i))
			return -EBADMSG;
	return 0;
}

static void decode_options(const struct values *values, struct dhcp_query *query)
{
	const uint8_t *size_max = values->of[KNOWN_SIZE_MAX].bytes;

	query->type = values->of[KNOWN_TYPE].bytes[0];
	memcpy(&query->requested, values->of[KNOWN_REQUESTED].bytes, sizeof(query->requested));
	memcpy(&query->server, values->of[KNOWN_SERVER].bytes, sizeof(query->server));
	query->rapid_commit = values->of[KNOWN_RAPID_COMMIT].present;
	query->size_max = (unsigned int)size_max[0] << 8 | size_max[1];
	if (query->size_max < DHCP_PACKET_MIN)
		query->size_max = DHCP_PACKET_MIN;
	query->parameter_count = values->of[KNOWN_PARAMETERS].size;
	memcpy(query->parameters, values->of[KNOWN_PARAMETERS].bytes, query->parameter_count);
	query->client_id_size = values->of[KNOWN_CLIENT_ID].size;
	memcpy(query->client_id, values->of[KNOWN_CLIENT_ID].bytes, query->client_id_size);
}

static void decode_bootp(const struct bootp *bootp, struct dhcp_query *query)
{
	query->xid = bootp->xid;
	query->flags = bootp->flags;
	query->broadcast = ntohs(bootp->flags) & FLAG_BROADCAST;
	query->ciaddr = bootp->ciaddr;
	query->giaddr = bootp->giaddr;
	query->ethernet = bootp->htype == ARPHRD_ETHER && bootp->hlen == ETH_ALEN;
	if (query->ethernet)
		memcpy(&query->chaddr, bootp->chaddr, ETH_ALEN);
}

int dhcp_packet_parse(const struct dhcp_record *record, struct dhcp_query *query)
{
	struct values values = { 0 };
	const uint8_t *bytes;
	struct bootp bootp;
	struct iphdr ip;
	size_t size;
	int ret;

	ret = parse_headers(record, &ip, &bytes, &size);
	if (ret < 0)
		return ret;
	if (size < sizeof(bootp))
		return -EBADMSG;
	memcpy(&bootp, bytes, sizeof(bootp));
	if (bootp.op != BOOTP_REQUEST || memcmp(bootp.cookie, cookie, sizeof(cookie)) != 0)
		return -EBADMSG;
	ret = parse_areas(&bootp, bytes + sizeof(bootp), size - sizeof(bootp), &values);
	if (ret < 0)
		return ret;
	/* A packet without option 53 is plain BOOTP. */
	if (!values.of[KNOWN_TYPE].bytes[0])
		return -EBADMSG;

	*query = (struct dhcp_query){ .source = { ip.saddr }, .destination = { ip.daddr } };
	decode_bootp(&bootp, query);
	decode_options(&values, query);
	return 0;
}

void dhcp_packet_begin(struct dhcp_packet *packet, struct dhcp_record *record,
		       const struct dhcp_query *query, enum dhcp_type type, size_t limit)
{
	const uint8_t type_value = type;
	struct bootp bootp = { .op = BOOTP_REPLY,
			       .htype = ARPHRD_ETHER,
			       .hlen = ETH_ALEN,
			       .xid = query->xid,
			       .flags = query->flags,
			       .giaddr = query->giaddr };

	assert(limit >= DHCP_PACKET_MIN && limit <= DHCP_PACKET_MAX);
	memcpy(bootp.chaddr, &query->chaddr, ETH_ALEN);
	memcpy(bootp.cookie, cookie, sizeof(cookie));
	protocol_record_init(record, RECORD_DHCP);
	memcpy(record->packet + BOOTP_AT, &bootp, sizeof(bootp));
	*packet = (struct dhcp_packet){ .record = record, .used = OPTIONS_AT, .limit = limit };
	dhcp_packet_add(packet, DHCP_OPTION_TYPE, &type_value, sizeof(type_value));
}

bool dhcp_packet_fits(const struct dhcp_packet *packet, size_t size)
{
	/* Code, length and value, and later 'end'. */
	return packet->used + 2 + size + 1 <= packet->limit;
}

bool dhcp_packet_add(struct dhcp_packet *packet, uint8_t code, const void *value, size_t size)
{
	uint8_t *at = packet->record->packet + packet->used;

	assert(size <= DHCP_VALUE_MAX);
	if (!dhcp_packet_fits(packet, size))
		return false;
	at[0] = code;
	at[1] = size;
	if (size)
		memcpy(at + 2, value, size);
	packet->used += 2 + size;
	return true;
}

bool dhcp_packet_add_address(struct dhcp_packet *packet, uint8_t code, struct in_addr address)
{
	return dhcp_packet_add(packet, code, &address, sizeof(address));
}

bool dhcp_packet_add_u32(struct dhcp_packet *packet, uint8_t code, uint32_t value)
{
	const uint32_t on_wire = htonl(value);

	return dhcp_packet_add(packet, code, &on_wire, sizeof(on_wire));
}

void dhcp_packet_finish(struct dhcp_packet *packet, const struct dhcp_addresses *addresses)
{
	uint8_t *bytes = packet->record->packet;
	struct udphdr udp = { .source = htons(DHCP_SERVER_PORT), .dest = htons(DHCP_CLIENT_PORT) };
	struct iphdr ip = { .version = 4,
			    .ihl = sizeof(ip) / 4,
			    .ttl = IPDEFTTL,
			    .protocol = IPPROTO_UDP,
			    .saddr = addresses->source.s_addr,
			    .daddr = addresses->destination.s_addr };

	bytes[packet->used++] = DHCP_OPTION_END;
	/* The padding is zero from protocol_record_init(). */
	if (packet->used < BOOTP_AT + BOOTP_SIZE_MIN)
		packet->used = BOOTP_AT + BOOTP_SIZE_MIN;
	memcpy(bytes + BOOTP_AT + offsetof(struct bootp, ciaddr), &addresses->ciaddr,
	       sizeof(addresses->ciaddr));
	memcpy(bytes + BOOTP_AT + offsetof(struct bootp, yiaddr), &addresses->yiaddr,
	       sizeof(addresses->yiaddr));

	ip.tot_len = htons(packet->used);
	memcpy(bytes, &ip, sizeof(ip));
	ip.check = htons(checksum_fold(checksum_add(bytes, sizeof(ip), 0)));
	memcpy(bytes, &ip, sizeof(ip));
	udp.len = htons(packet->used - UDP_AT);
	memcpy(bytes + UDP_AT, &udp, sizeof(udp));
	/* A checksum of 0 is sent as 0xffff, since 0 means none (RFC 768). */
	udp.check = htons(udp_checksum(&ip, bytes + UDP_AT, packet->used - UDP_AT) ?: 0xffff);
	memcpy(bytes + UDP_AT, &udp, sizeof(udp));
	packet->record->size = packet->used;
	packet->record->mac = addresses->mac;
}
