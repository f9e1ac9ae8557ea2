// SPDX-License-Identifier: GPL-2.0-or-later
// Makes DHCP packets of clients and reads answers, without the code under test.
#ifndef TESTS_UNIT_SUPPORT_DHCP_H
#define TESTS_UNIT_SUPPORT_DHCP_H

#include <arpa/inet.h>
#include <string.h>

#include "launcher/lan/dhcp_packet.h"
#include "netsetup/base/ipv4.h"

/* Offsets of the fields after an IPv4 header without options. */
#define AT_LENGTH      2
#define AT_FRAGMENT    6
#define AT_PROTOCOL    9
#define AT_SUM         10
#define AT_SOURCE      12
#define AT_DESTINATION 16
#define AT_UDP         20
#define AT_PORT        22
#define AT_UDP_LENGTH  24
#define AT_UDP_SUM     26
#define AT_OP          28
#define AT_HLEN        30
#define AT_XID         32
#define AT_FLAGS       38
#define AT_CIADDR      40
#define AT_YIADDR      44
#define AT_GIADDR      52
#define AT_CHADDR      56
#define AT_SNAME       72
#define AT_FILE        136
#define AT_COOKIE      264
#define AT_OPTIONS     268

static const struct ether_addr guest_mac = { { 0x52, 0x54, 0, 0x12, 0x34, 0x56 } };

static inline struct in_addr ip(const char *text)
{
	struct in_addr address;

	assert_true(ipv4_parse(text, &address));
	return address;
}

static inline void put16(uint8_t *at, unsigned int value)
{
	at[0] = value >> 8;
	at[1] = value & 0xff;
}

static inline unsigned int get16(const uint8_t *at)
{
	return (unsigned int)at[0] << 8 | at[1];
}

static inline void put_ip(uint8_t *at, const char *address)
{
	const struct in_addr value = ip(address);

	memcpy(at, &value, sizeof(value));
}

static inline unsigned int ones_sum(const uint8_t *bytes, size_t size, unsigned int total)
{
	for (size_t i = 0; i < size; i++)
		total += bytes[i] << (i % 2 ? 0 : 8);
	while (total > 0xffff)
		total = total - 0x10000 + 1;
	return total;
}

/* The sum of a UDP datagram with its pseudo header: 0xffff if its checksum is right. */
static inline unsigned int udp_sum(const uint8_t *packet)
{
	const unsigned int size = get16(packet + AT_UDP_LENGTH);
	unsigned int total = 17 + size;

	total = ones_sum(packet + AT_SOURCE, 8, total);
	return ones_sum(packet + AT_UDP, size, total);
}

/* Sets the lengths and checksums for @size octets. */
static inline void query_seal(struct dhcp_record *record, size_t size)
{
	uint8_t *packet = record->packet;

	record->size = size;
	put16(packet + AT_LENGTH, size);
	put16(packet + AT_UDP_LENGTH, size - AT_UDP);
	put16(packet + AT_SUM, 0);
	put16(packet + AT_SUM, 0xffff - ones_sum(packet, AT_UDP, 0));
	put16(packet + AT_UDP_SUM, 0);
	put16(packet + AT_UDP_SUM, 0xffff - udp_sum(packet));
}

/* Makes the broadcast of a client without an address, without options. */
static inline void query_begin(struct dhcp_record *record)
{
	static const uint8_t cookie[] = { 0x63, 0x82, 0x53, 0x63 };
	uint8_t *packet = record->packet;

	protocol_record_init(record, RECORD_DHCP);
	record->mac = guest_mac;
	packet[0] = 0x45;
	packet[8] = 64;
	packet[AT_PROTOCOL] = 17;
	put_ip(packet + AT_DESTINATION, "255.255.255.255");
	put16(packet + AT_UDP, DHCP_CLIENT_PORT);
	put16(packet + AT_PORT, DHCP_SERVER_PORT);
	packet[AT_OP] = 1;
	packet[AT_OP + 1] = 1;
	packet[AT_HLEN] = 6;
	memcpy(packet + AT_XID, "xid!", 4);
	memcpy(packet + AT_CHADDR, &guest_mac, 6);
	memcpy(packet + AT_COOKIE, cookie, sizeof(cookie));
	record->size = AT_OPTIONS;
}

static inline void query_bytes(struct dhcp_record *record, const void *bytes, size_t size)
{
	assert_true(record->size + size <= sizeof(record->packet));
	memcpy(record->packet + record->size, bytes, size);
	record->size += size;
}

static inline void query_option(struct dhcp_record *record, uint8_t code, const void *value,
				size_t size)
{
	const uint8_t head[] = { code, size };

	query_bytes(record, head, sizeof(head));
	query_bytes(record, value, size);
}

static inline void query_ip(struct dhcp_record *record, uint8_t code, const char *address)
{
	const struct in_addr value = ip(address);

	query_option(record, code, &value, sizeof(value));
}

static inline void query_end(struct dhcp_record *record)
{
	query_bytes(record, "\xff", 1);
	query_seal(record, record->size);
}

/* The value of an answer's option, or NULL. */
static inline const uint8_t *reply_option(const struct dhcp_record *record, uint8_t code,
					  size_t *size)
{
	size_t at = AT_OPTIONS;

	while (at < record->size && record->packet[at] != 255) {
		if (record->packet[at] == code) {
			*size = record->packet[at + 1];
			return record->packet + at + 2;
		}
		at += record->packet[at] ? 2u + record->packet[at + 1] : 1;
	}
	*size = 0;
	return NULL;
}

/* Checks that an answer goes from port 67 to port 68 and is complete, with right checksums. */
static inline void assert_reply_sound(const struct dhcp_record *record)
{
	const uint8_t *packet = record->packet;
	size_t at = AT_OPTIONS;

	assert_true(record->size >= AT_OP + 300 && record->size <= sizeof(record->packet));
	assert_int_equal(record->header.type, RECORD_DHCP);
	assert_int_equal(packet[0], 0x45);
	assert_int_equal(packet[AT_PROTOCOL], 17);
	assert_int_equal(get16(packet + AT_LENGTH), record->size);
	assert_int_equal(get16(packet + AT_UDP_LENGTH), record->size - AT_UDP);
	assert_int_equal(get16(packet + AT_FRAGMENT), 0);
	assert_int_equal(get16(packet + AT_UDP), DHCP_SERVER_PORT);
	assert_int_equal(get16(packet + AT_PORT), DHCP_CLIENT_PORT);
	assert_int_equal(ones_sum(packet, AT_UDP, 0), 0xffff);
	assert_int_not_equal(get16(packet + AT_UDP_SUM), 0);
	assert_int_equal(udp_sum(packet), 0xffff);
	assert_memory_equal(packet + AT_OP, "\x02\x01\x06\x00", 4);
	assert_int_equal(packet[AT_OPTIONS], DHCP_OPTION_TYPE);
	while (packet[at] != 255) {
		at += packet[at] ? 2u + packet[at + 1] : 1;
		assert_true(at < record->size);
	}
	for (at++; at < record->size; at++)
		assert_int_equal(packet[at], 0);
}

#endif
