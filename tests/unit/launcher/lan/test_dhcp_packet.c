// SPDX-License-Identifier: GPL-2.0-or-later
// Tests reading and refusing DHCP packets and writing replies.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/support/dhcp.h"

static struct dhcp_record query;

/* Makes a packet with all fields and options that are parsed. */
static void make_full(void)
{
	query_begin(&query);
	put_ip(query.packet + AT_SOURCE, "192.0.2.9");
	put_ip(query.packet + AT_CIADDR, "192.0.2.10");
	put_ip(query.packet + AT_GIADDR, "192.0.2.11");
	put16(query.packet + AT_FLAGS, 0x8000);
	query_option(&query, DHCP_OPTION_TYPE, "\x03", 1);
	query_bytes(&query, "\0\0", 2);
	query_ip(&query, DHCP_OPTION_REQUESTED, "192.0.2.12");
	query_ip(&query, DHCP_OPTION_SERVER, "192.0.2.13");
	query_option(&query, DHCP_OPTION_PARAMETERS, "\x01\x03\x06", 3);
	query_option(&query, DHCP_OPTION_SIZE_MAX, "\x05\xdc", 2);
	query_option(&query, DHCP_OPTION_CLIENT_ID, "\x01\x02\x03\x04", 4);
	query_option(&query, DHCP_OPTION_RAPID_COMMIT, "", 0);
	query_option(&query, 77, "unknown", 7);
	query_end(&query);
}

/* Parses the packet; checks that a refusal leaves @parsed untouched. */
static int parse(struct dhcp_query *parsed)
{
	struct dhcp_query untouched;
	int ret;

	memset(&untouched, 0xa5, sizeof(untouched));
	*parsed = untouched;
	ret = dhcp_packet_parse(&query, parsed);
	if (ret < 0) {
		assert_int_equal(ret, -EBADMSG);
		assert_memory_equal(parsed, &untouched, sizeof(untouched));
	}
	return ret;
}

static void assert_refused(void)
{
	struct dhcp_query parsed;

	assert_int_equal(parse(&parsed), -EBADMSG);
}

static void assert_read(void)
{
	struct dhcp_query parsed;

	assert_int_equal(parse(&parsed), 0);
}

static void test_all_fields(void **state)
{
	struct dhcp_query parsed;

	make_full();
	assert_int_equal(parse(&parsed), 0);
	assert_int_equal(parsed.type, DHCP_REQUEST);
	assert_memory_equal(&parsed.xid, "xid!", 4);
	assert_int_equal(parsed.flags, htons(0x8000));
	assert_true(parsed.broadcast);
	assert_true(ipv4_equal(parsed.source, ip("192.0.2.9")));
	assert_true(ipv4_equal(parsed.destination, ip("255.255.255.255")));
	assert_true(ipv4_equal(parsed.ciaddr, ip("192.0.2.10")));
	assert_true(ipv4_equal(parsed.giaddr, ip("192.0.2.11")));
	assert_true(ipv4_equal(parsed.requested, ip("192.0.2.12")));
	assert_true(ipv4_equal(parsed.server, ip("192.0.2.13")));
	assert_true(parsed.ethernet);
	assert_memory_equal(&parsed.chaddr, &guest_mac, 6);
	assert_true(parsed.rapid_commit);
	assert_int_equal(parsed.size_max, 1500);
	assert_int_equal(parsed.parameter_count, 3);
	assert_memory_equal(parsed.parameters, "\x01\x03\x06", 3);
	assert_int_equal(parsed.client_id_size, 4);
	assert_memory_equal(parsed.client_id, "\x01\x02\x03\x04", 4);
}

static void test_least(void **state)
{
	struct dhcp_query parsed;

	query_begin(&query);
	query_option(&query, DHCP_OPTION_TYPE, "\x01", 1);
	query_end(&query);
	assert_int_equal(parse(&parsed), 0);
	assert_int_equal(parsed.type, DHCP_DISCOVER);
	assert_false(parsed.broadcast || parsed.rapid_commit);
	assert_true(ipv4_unset(parsed.requested) && ipv4_unset(parsed.server));
	assert_int_equal(parsed.size_max, DHCP_PACKET_MIN);
	assert_int_equal(parsed.parameter_count + parsed.client_id_size, 0);
	query_begin(&query);
	query_option(&query, DHCP_OPTION_TYPE, "\x01", 1);
	query_option(&query, DHCP_OPTION_SIZE_MAX, "\x00\x10", 2);
	query_end(&query);
	assert_int_equal(parse(&parsed), 0);
	assert_int_equal(parsed.size_max, DHCP_PACKET_MIN);
}

/* Truncates a packet at each octet, with its old lengths and with matching lengths. */
static void test_cut(void **state)
{
	struct dhcp_query parsed;
	size_t whole;

	make_full();
	whole = query.size;
	for (size_t size = 0; size < whole; size++) {
		query.size = size;
		assert_refused();
	}
	for (size_t size = AT_OP; size < whole; size++) {
		query_seal(&query, size);
		/* The type is needed; a cut between two later options leaves a good packet. */
		if (parse(&parsed) == 0)
			assert_true(size >= AT_OPTIONS + 3);
	}
	make_full();
	query.size = sizeof(query.packet) + 1;
	assert_refused();
	query.size = UINT32_MAX;
	assert_refused();
}

static void test_ip_header(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} wrong[] = {
		{ 0, 0x65 },
		{ 0, 0x44 },
		{ 0, 0x40 },
		{ AT_PROTOCOL, 6 },
		{ AT_FRAGMENT, 0x20 },
		{ AT_FRAGMENT, 0x1f },
		{ AT_FRAGMENT + 1, 1 },
		{ AT_PORT + 1, 68 },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		make_full();
		query.packet[wrong[i].at] = wrong[i].value;
		query_seal(&query, query.size);
		assert_refused();
	}
	make_full();
	query.packet[AT_FRAGMENT] = 0x40; /* do not fragment */
	query_seal(&query, query.size);
	assert_read();
	query.packet[8]++;
	assert_refused();
	/* Padding of a short Ethernet frame. */
	make_full();
	query_bytes(&query, "\1\2\3", 3);
	assert_read();
	put16(query.packet + AT_LENGTH, query.size + 1);
	put16(query.packet + AT_SUM, 0);
	put16(query.packet + AT_SUM, 0xffff - ones_sum(query.packet, AT_UDP, 0));
	assert_refused();
}

static void test_ip_options(void **state)
{
	size_t size;

	make_full();
	size = query.size;
	memmove(query.packet + AT_UDP + 4, query.packet + AT_UDP, size - AT_UDP);
	memset(query.packet + AT_UDP, 1, 4);
	query.packet[0] = 0x46;
	query.size = size + 4;
	put16(query.packet + AT_LENGTH, query.size);
	put16(query.packet + AT_SUM, 0);
	put16(query.packet + AT_SUM, 0xffff - ones_sum(query.packet, AT_UDP + 4, 0));
	assert_read();
	query.packet[AT_UDP] = 0;
	assert_refused();

	/* A header that is longer than the packet. */
	query_begin(&query);
	query.packet[0] = 0x4f;
	query_seal(&query, AT_OP + 8);
	assert_refused();
}

static void test_udp(void **state)
{
	make_full();
	query.packet[AT_UDP_SUM] ^= 1;
	assert_refused();
	query.checksum_unfinished = 1;
	assert_read();
	query.checksum_unfinished = 0;
	put16(query.packet + AT_UDP_SUM, 0);
	assert_read();

	put16(query.packet + AT_UDP_LENGTH, query.size - AT_UDP + 1);
	assert_refused();
	put16(query.packet + AT_UDP_LENGTH, 7);
	assert_refused();
	put16(query.packet + AT_UDP_LENGTH, 0);
	assert_refused();
	put16(query.packet + AT_UDP_LENGTH, 8 + 239);
	assert_refused();
}

static void test_bootp(void **state)
{
	struct dhcp_query parsed;

	make_full();
	query.packet[AT_OP] = 2;
	query_seal(&query, query.size);
	assert_refused();
	make_full();
	query.packet[AT_COOKIE + 3]++;
	query_seal(&query, query.size);
	assert_refused();
	/* Other hardware is parsed, since the server reports its client. */
	make_full();
	query.packet[AT_HLEN] = 16;
	query_seal(&query, query.size);
	assert_int_equal(parse(&parsed), 0);
	assert_false(parsed.ethernet);
	make_full();
	query.packet[AT_OP + 1] = 32;
	query_seal(&query, query.size);
	assert_int_equal(parse(&parsed), 0);
	assert_false(parsed.ethernet);
}

/* Plain BOOTP, and a type of 0. */
static void test_type(void **state)
{
	query_begin(&query);
	query_ip(&query, DHCP_OPTION_REQUESTED, "192.0.2.1");
	query_end(&query);
	assert_refused();
	query_begin(&query);
	query_seal(&query, query.size);
	assert_refused();
	query_begin(&query);
	query_option(&query, DHCP_OPTION_TYPE, "\x00", 1);
	query_end(&query);
	assert_refused();
}

static void make_typed(void)
{
	query_begin(&query);
	query_option(&query, DHCP_OPTION_TYPE, "\x01", 1);
}

static void test_option_ends(void **state)
{
	struct dhcp_query parsed;

	/* No 'end'; nothing after the code; a value beyond the packet. */
	make_typed();
	query_seal(&query, query.size);
	assert_read();
	make_typed();
	query_bytes(&query, "\x0c", 1);
	query_seal(&query, query.size);
	assert_refused();
	make_typed();
	query_bytes(&query, "\x0c\x01", 2);
	query_seal(&query, query.size);
	assert_refused();
	make_typed();
	query_bytes(&query,
		    "\x0c\xff"
		    "abc",
		    5);
	query_seal(&query, query.size);
	assert_refused();
	make_typed();
	query_bytes(&query, "\x0c\x00", 2);
	query_seal(&query, query.size);
	assert_read();
	/* Octets after 'end' are ignored. */
	make_typed();
	query_bytes(&query, "\xff\x50\x00\x0c\xff", 5);
	query_seal(&query, query.size);
	assert_int_equal(parse(&parsed), 0);
	assert_false(parsed.rapid_commit);
}

static void test_option_sizes(void **state)
{
	static const struct {
		uint8_t code;
		size_t least, most;
	} sizes[] = {
		{ DHCP_OPTION_REQUESTED, 4, 4 },    { DHCP_OPTION_SERVER, 4, 4 },
		{ DHCP_OPTION_PARAMETERS, 0, 255 }, { DHCP_OPTION_SIZE_MAX, 2, 2 },
		{ DHCP_OPTION_CLIENT_ID, 1, 255 },  { DHCP_OPTION_RAPID_COMMIT, 0, 0 },
		{ DHCP_OPTION_OVERLOAD, 1, 1 },
	};
	static const uint8_t zeros[255];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (size_t size = 0; size <= 255; size++) {
			make_typed();
			query_option(&query, sizes[i].code, zeros, size);
			query_end(&query);
			if (size >= sizes[i].least && size <= sizes[i].most)
				assert_read();
			else
				assert_refused();
		}
	}
	query_begin(&query);
	query_option(&query, DHCP_OPTION_TYPE, "\x01\x01", 2);
	query_end(&query);
	assert_refused();
}

/* RFC 3396. */
static void test_joined(void **state)
{
	static const uint8_t zeros[255];
	struct dhcp_query parsed;

	make_typed();
	query_option(&query, DHCP_OPTION_CLIENT_ID, "abc", 3);
	query_option(&query, DHCP_OPTION_REQUESTED, "\xc0\x00", 2);
	query_option(&query, DHCP_OPTION_CLIENT_ID, "def", 3);
	query_option(&query, DHCP_OPTION_REQUESTED, "\x02\x07", 2);
	query_end(&query);
	assert_int_equal(parse(&parsed), 0);
	assert_int_equal(parsed.client_id_size, 6);
	assert_memory_equal(parsed.client_id, "abcdef", 6);
	assert_true(ipv4_equal(parsed.requested, ip("192.0.2.7")));

	make_typed();
	query_option(&query, DHCP_OPTION_TYPE, "\x01", 1);
	query_end(&query);
	assert_refused();
	make_typed();
	query_option(&query, DHCP_OPTION_PARAMETERS, zeros, 255);
	query_option(&query, DHCP_OPTION_PARAMETERS, zeros, 1);
	query_end(&query);
	assert_refused();
}

static void make_overloaded(const char *which)
{
	make_typed();
	query_option(&query, DHCP_OPTION_OVERLOAD, which, 1);
	memcpy(query.packet + AT_FILE,
	       "\x3d\x02"
	       "fi\xff",
	       5);
	memcpy(query.packet + AT_SNAME, "\x3d\x02sn\x37\x01\x03\xff", 8);
	query_end(&query);
}

static void test_overload(void **state)
{
	static const char *const ids[] = { "", "fi", "sn", "fisn" };
	struct dhcp_query parsed;

	for (unsigned int which = 0; which < 4; which++) {
		make_overloaded((char[]){ which });
		assert_int_equal(parse(&parsed), 0);
		assert_int_equal(parsed.client_id_size, strlen(ids[which]));
		assert_memory_equal(parsed.client_id, ids[which], parsed.client_id_size);
		assert_int_equal(parsed.parameter_count, which >> 1);
	}
	make_overloaded("\x04");
	assert_refused();
	make_overloaded("\xff");
	assert_refused();
}

/* An area with option 52 itself; one without 'end'; one with a value beyond its end. */
static void test_overload_wrong(void **state)
{
	struct dhcp_query parsed;

	make_overloaded("\x01");
	memcpy(query.packet + AT_FILE, "\x34\x01\x03\xff", 4);
	query_seal(&query, query.size);
	assert_int_equal(parse(&parsed), 0);
	assert_int_equal(parsed.client_id_size, 0);

	make_overloaded("\x03");
	memcpy(query.packet + AT_FILE, "\x34\x01\x03\xff", 4);
	query_seal(&query, query.size);
	assert_int_equal(parse(&parsed), 0);
	assert_memory_equal(parsed.client_id, "sn", 2);

	make_overloaded("\x03");
	memcpy(query.packet + AT_FILE, "\x34\x01\x03\x34\x01\x03\xff", 7);
	query_seal(&query, query.size);
	assert_refused();

	make_overloaded("\x02");
	memset(query.packet + AT_SNAME, 0, 64);
	query_seal(&query, query.size);
	assert_read();
	query.packet[AT_SNAME + 63] = 12;
	query_seal(&query, query.size);
	assert_refused();
	memcpy(query.packet + AT_SNAME + 61, "\x0c\x02", 2);
	query_seal(&query, query.size);
	assert_refused();
}

/* A packet with any octet changed is parsed or refused, without reads beyond its end. */
static void test_flipped(void **state)
{
	struct dhcp_query parsed;

	for (unsigned int flip = 1; flip < 256; flip++) {
		make_overloaded("\x03");
		for (size_t at = 0; at < query.size; at++) {
			const uint8_t was = query.packet[at];

			query.packet[at] ^= flip;
			if (at >= AT_OP)
				query_seal(&query, query.size);
			query.checksum_unfinished = 1;
			parse(&parsed);
			query.packet[at] = was;
		}
	}
}

static void begin_answer(struct dhcp_packet *packet, struct dhcp_record *reply, size_t limit)
{
	struct dhcp_query asked;

	make_full();
	assert_int_equal(parse(&asked), 0);
	dhcp_packet_begin(packet, reply, &asked, DHCP_OFFER, limit);
}

static const struct dhcp_addresses addresses = { .mac = { { 1, 2, 3, 4, 5, 6 } } };

static void test_write(void **state)
{
	struct dhcp_addresses full = addresses;
	struct dhcp_packet packet;
	struct dhcp_record reply;
	size_t size;

	full.ciaddr = ip("192.0.2.1");
	full.yiaddr = ip("192.0.2.2");
	full.source = ip("192.0.2.3");
	full.destination = ip("192.0.2.4");
	begin_answer(&packet, &reply, DHCP_PACKET_MIN);
	assert_true(dhcp_packet_add(&packet, 12, "abc", 3));
	assert_true(dhcp_packet_add_u32(&packet, 51, 0x01020304));
	assert_true(dhcp_packet_add_address(&packet, 54, ip("192.0.2.5")));
	assert_true(dhcp_packet_add(&packet, 80, NULL, 0));
	dhcp_packet_finish(&packet, &full);

	assert_reply_sound(&reply);
	assert_int_equal(reply.size, AT_OP + 300);
	assert_memory_equal(&reply.mac, &full.mac, 6);
	assert_memory_equal(reply.packet + AT_XID, "xid!", 4);
	assert_int_equal(get16(reply.packet + AT_FLAGS), 0x8000);
	assert_memory_equal(reply.packet + AT_CIADDR, &full.ciaddr, 4);
	assert_memory_equal(reply.packet + AT_YIADDR, &full.yiaddr, 4);
	assert_memory_equal(reply.packet + AT_SOURCE, &full.source, 4);
	assert_memory_equal(reply.packet + AT_DESTINATION, &full.destination, 4);
	assert_memory_equal(reply.packet + AT_CHADDR, &guest_mac, 6);
	assert_memory_equal(reply_option(&reply, 53, &size), "\x02", 1);
	assert_memory_equal(reply_option(&reply, 12, &size), "abc", 3);
	assert_memory_equal(reply_option(&reply, 51, &size), "\1\2\3\4", 4);
	assert_memory_equal(reply_option(&reply, 54, &size), "\xc0\x00\x02\x05", 4);
	assert_non_null(reply_option(&reply, 80, &size));
	assert_int_equal(size, 0);
}

/* Options fill a reply to its limit and not beyond. */
static void test_write_limit(void **state)
{
	static const uint8_t zeros[DHCP_VALUE_MAX];

	for (size_t limit = DHCP_PACKET_MIN; limit <= DHCP_PACKET_MAX; limit++) {
		struct dhcp_packet packet;
		struct dhcp_record reply;

		begin_answer(&packet, &reply, limit);
		for (size_t size = DHCP_VALUE_MAX; size > 0; size--) {
			while (dhcp_packet_fits(&packet, size))
				assert_true(dhcp_packet_add(&packet, 200, zeros, size));
			assert_false(dhcp_packet_add(&packet, 200, zeros, size));
		}
		dhcp_packet_finish(&packet, &addresses);
		assert_reply_sound(&reply);
		assert_true(reply.size >= limit - 2 && reply.size <= limit);
	}
}

/* Among all values is one whose checksum would be 0, which would mean none. */
static void test_write_checksum(void **state)
{
	unsigned int ones = 0;

	for (unsigned int i = 0; i <= 0xffff; i++) {
		struct dhcp_packet packet;
		struct dhcp_record reply;
		const uint8_t value[] = { i >> 8, i & 0xff };

		begin_answer(&packet, &reply, DHCP_PACKET_MIN);
		dhcp_packet_add(&packet, 200, value, 2);
		dhcp_packet_finish(&packet, &addresses);
		assert_int_not_equal(get16(reply.packet + AT_UDP_SUM), 0);
		assert_int_equal(udp_sum(reply.packet), 0xffff);
		ones += get16(reply.packet + AT_UDP_SUM) == 0xffff;
	}
	assert_true(ones > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_fields),
		cmocka_unit_test(test_least),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_ip_header),
		cmocka_unit_test(test_ip_options),
		cmocka_unit_test(test_udp),
		cmocka_unit_test(test_bootp),
		cmocka_unit_test(test_type),
		cmocka_unit_test(test_option_ends),
		cmocka_unit_test(test_option_sizes),
		cmocka_unit_test(test_joined),
		cmocka_unit_test(test_overload),
		cmocka_unit_test(test_overload_wrong),
		cmocka_unit_test(test_flipped),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_write_limit),
		cmocka_unit_test(test_write_checksum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
