// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the DHCP server's replies, their destinations and options.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "launcher/lan/dhcp_server.h"
#include "tests/unit/support/dhcp.h"
#include "tests/unit/support/dhcp_golden.h"

#define GUEST "192.0.2.10"
#define HOST  "192.0.2.1"

static struct dhcp_server server;
static struct dhcp_record query;
static struct dhcp_record reply;
static struct dhcp_event event;

static struct dhcp_config plain(void)
{
	return (struct dhcp_config){
		.mac = guest_mac,
		.address = ip(GUEST),
		.prefix_length = 24,
		.gateway = ip("192.0.2.254"),
		.host = ip(HOST),
		.dns = { ip("192.0.2.53"), ip("198.51.100.53") },
		.dns_count = 2,
		.mtu = 1500,
		.hostname = "web",
		.search = { "lan.test", "corp.test" },
		.search_count = 2,
		.lease = 300,
	};
}

static int setup(void **state)
{
	const struct dhcp_config config = plain();

	dhcp_server_init(&server, &config);
	return 0;
}

/* Begins a query with its type; ask() must end it. */
static void begin(enum dhcp_type type)
{
	const uint8_t value = type;

	query_begin(&query);
	query_option(&query, DHCP_OPTION_TYPE, &value, 1);
}

/* Returns the reply's type, or 0 without a reply. */
static int answer(void)
{
	struct dhcp_record untouched;
	int ret;

	memset(&untouched, 0xa5, sizeof(untouched));
	reply = untouched;
	memset(&event, 0xa5, sizeof(event));
	ret = dhcp_server_answer(&server, &query, &reply, &event);
	assert_true(ret == 0 || ret == 1);
	if (ret) {
		assert_reply_sound(&reply);
		return reply.packet[AT_OPTIONS + 2];
	}
	assert_memory_equal(&reply, &untouched, sizeof(reply));
	return 0;
}

static int ask(void)
{
	query_end(&query);
	return answer();
}

static void assert_event(enum dhcp_event_type type, const char *address)
{
	assert_int_equal(event.type, type);
	assert_true(ipv4_equal(event.address, ip(address)));
	assert_memory_equal(&event.mac, &guest_mac, 6);
}

static void assert_address_at(size_t at, const char *address)
{
	const struct in_addr expected = ip(address);

	assert_memory_equal(reply.packet + at, &expected, sizeof(expected));
}

static void assert_option(uint8_t code, const void *value, size_t size)
{
	size_t found;
	const uint8_t *at = reply_option(&reply, code, &found);

	assert_non_null(at);
	assert_int_equal(found, size);
	if (size)
		assert_memory_equal(at, value, size);
}

static void assert_option_ip(uint8_t code, const char *address)
{
	const struct in_addr value = ip(address);

	assert_option(code, &value, sizeof(value));
}

static void assert_no_option(uint8_t code)
{
	size_t size;

	assert_null(reply_option(&reply, code, &size));
}

/* Checks the destination of the reply's packet and frame. */
static void assert_to(const char *address)
{
	assert_address_at(AT_DESTINATION, address);
	if (strcmp(address, "255.255.255.255") == 0)
		assert_memory_equal(&reply.mac, "\xff\xff\xff\xff\xff\xff", 6);
	else
		assert_memory_equal(&reply.mac, &guest_mac, 6);
}

static void assert_lease(void)
{
	assert_address_at(AT_YIADDR, GUEST);
	assert_option(DHCP_OPTION_LEASE, "\0\0\x01\x2c", 4);
	assert_option(DHCP_OPTION_T1, "\0\0\0\x96", 4);
	assert_option(DHCP_OPTION_T2, "\0\0\x01\x06", 4);
	assert_option_ip(DHCP_OPTION_MASK, "255.255.255.0");
	assert_option_ip(DHCP_OPTION_ROUTER, "192.0.2.254");
	assert_option(DHCP_OPTION_DNS, "\xc0\x00\x02\x35\xc6\x33\x64\x35", 8);
	assert_option(DHCP_OPTION_MTU, "\x05\xdc", 2);
	assert_option_ip(DHCP_OPTION_SERVER, HOST);
	assert_address_at(AT_SOURCE, HOST);
}

static void test_discover(void **state)
{
	begin(DHCP_DISCOVER);
	assert_int_equal(ask(), DHCP_OFFER);
	assert_event(DHCP_EVENT_OFFERED, GUEST);
	assert_to(GUEST);
	assert_lease();
	assert_address_at(AT_CIADDR, "0.0.0.0");
	/* The options for a query without a list. */
	assert_option(DHCP_OPTION_HOSTNAME, "web", 3);
	assert_option(DHCP_OPTION_DOMAIN, "lan.test", 8);
	assert_option_ip(DHCP_OPTION_BROADCAST, "192.0.2.255");
	assert_no_option(DHCP_OPTION_SEARCH);
	assert_no_option(DHCP_OPTION_RAPID_COMMIT);
	assert_no_option(DHCP_OPTION_CLIENT_ID);
	/* A query for another address gets an offer of the guest's. */
	begin(DHCP_DISCOVER);
	query_ip(&query, DHCP_OPTION_REQUESTED, "10.0.0.1");
	assert_int_equal(ask(), DHCP_OFFER);
	assert_lease();
}

static void test_broadcast_flag(void **state)
{
	begin(DHCP_DISCOVER);
	put16(query.packet + AT_FLAGS, 0x8000);
	assert_int_equal(ask(), DHCP_OFFER);
	assert_to("255.255.255.255");
	assert_int_equal(get16(reply.packet + AT_FLAGS), 0x8000);
	/* The client's own address takes precedence. */
	begin(DHCP_REQUEST);
	put16(query.packet + AT_FLAGS, 0x8000);
	put_ip(query.packet + AT_CIADDR, GUEST);
	assert_int_equal(ask(), DHCP_ACK);
	assert_to(GUEST);
}

static void test_rapid_commit(void **state)
{
	begin(DHCP_DISCOVER);
	query_option(&query, DHCP_OPTION_RAPID_COMMIT, "", 0);
	assert_int_equal(ask(), DHCP_ACK);
	assert_event(DHCP_EVENT_BOUND, GUEST);
	assert_option(DHCP_OPTION_RAPID_COMMIT, "", 0);
	assert_lease();
	/* The option is ignored in a request. */
	begin(DHCP_REQUEST);
	query_option(&query, DHCP_OPTION_RAPID_COMMIT, "", 0);
	query_ip(&query, DHCP_OPTION_REQUESTED, GUEST);
	assert_int_equal(ask(), DHCP_ACK);
	assert_no_option(DHCP_OPTION_RAPID_COMMIT);
}

static int select_offer(const char *from, const char *address)
{
	begin(DHCP_REQUEST);
	query_ip(&query, DHCP_OPTION_SERVER, from);
	query_ip(&query, DHCP_OPTION_REQUESTED, address);
	return ask();
}

static void assert_refusal(const char *address)
{
	assert_event(DHCP_EVENT_REFUSED, address);
	assert_address_at(AT_YIADDR, "0.0.0.0");
	assert_address_at(AT_CIADDR, "0.0.0.0");
	assert_option_ip(DHCP_OPTION_SERVER, HOST);
	assert_no_option(DHCP_OPTION_LEASE);
	assert_no_option(DHCP_OPTION_MASK);
}

static void test_selecting(void **state)
{
	assert_int_equal(select_offer(HOST, GUEST), DHCP_ACK);
	assert_event(DHCP_EVENT_BOUND, GUEST);
	assert_to(GUEST);
	assert_lease();
	/* A request for another server's offer gets no reply. */
	assert_int_equal(select_offer("192.0.2.2", GUEST), 0);
	assert_int_equal(event.type, DHCP_EVENT_NONE);
	assert_int_equal(select_offer(HOST, "192.0.2.11"), DHCP_NAK);
	assert_refusal("192.0.2.11");
	assert_to("255.255.255.255");
}

static void test_init_reboot(void **state)
{
	begin(DHCP_REQUEST);
	query_ip(&query, DHCP_OPTION_REQUESTED, GUEST);
	assert_int_equal(ask(), DHCP_ACK);
	assert_event(DHCP_EVENT_BOUND, GUEST);
	assert_to(GUEST);
	assert_lease();
	for (size_t i = 0; i < 2; i++) {
		const char *wrong = i ? "10.1.2.3" : "192.0.2.11";

		begin(DHCP_REQUEST);
		query_ip(&query, DHCP_OPTION_REQUESTED, wrong);
		assert_int_equal(ask(), DHCP_NAK);
		assert_refusal(wrong);
		assert_to("255.255.255.255");
	}
	/* No address at all. */
	begin(DHCP_REQUEST);
	assert_int_equal(ask(), 0);
	begin(DHCP_REQUEST);
	query_ip(&query, DHCP_OPTION_SERVER, HOST);
	assert_int_equal(ask(), 0);
	assert_int_equal(event.type, DHCP_EVENT_NONE);
}

static int extend(const char *address, const char *from)
{
	begin(DHCP_REQUEST);
	put_ip(query.packet + AT_CIADDR, address);
	put_ip(query.packet + AT_SOURCE, address);
	put_ip(query.packet + AT_DESTINATION, from);
	return ask();
}

static void test_renewing(void **state)
{
	assert_int_equal(extend(GUEST, HOST), DHCP_ACK);
	assert_event(DHCP_EVENT_EXTENDED, GUEST);
	assert_to(GUEST);
	assert_lease();
	assert_address_at(AT_CIADDR, GUEST);
	/* The refusal goes to the client's own address: it accepts no broadcast. */
	assert_int_equal(extend("192.0.2.11", HOST), DHCP_NAK);
	assert_refusal("192.0.2.11");
	assert_to("192.0.2.11");
	/* To another server, on the LAN. */
	assert_int_equal(extend(GUEST, "192.0.2.2"), 0);
	assert_int_equal(event.type, DHCP_EVENT_NONE);
}

static void test_rebinding(void **state)
{
	assert_int_equal(extend(GUEST, "255.255.255.255"), DHCP_ACK);
	assert_event(DHCP_EVENT_EXTENDED, GUEST);
	assert_to(GUEST);
	assert_int_equal(extend(GUEST, "192.0.2.255"), DHCP_ACK);
	assert_int_equal(extend("192.0.2.11", "255.255.255.255"), DHCP_NAK);
	assert_refusal("192.0.2.11");
	assert_to("255.255.255.255");
}

/* The laptop has come to another network; the guest knows the server by its old address. */
static void test_moved(void **state)
{
	struct dhcp_config config = plain();

	assert_int_equal(select_offer(HOST, GUEST), DHCP_ACK);
	config.address = ip("10.0.0.10");
	config.host = ip("10.0.0.1");
	config.gateway = ip("10.0.0.254");
	dhcp_server_configure(&server, &config);
	assert_int_equal(extend(GUEST, HOST), DHCP_NAK);
	assert_event(DHCP_EVENT_REFUSED, GUEST);
	assert_to(GUEST);
	assert_address_at(AT_SOURCE, "10.0.0.1");
	/* The refusal is from the server of the lease: udhcpc ignores others. */
	assert_option_ip(DHCP_OPTION_SERVER, HOST);
	assert_int_equal(extend(GUEST, "255.255.255.255"), DHCP_NAK);
	assert_option_ip(DHCP_OPTION_SERVER, HOST);
	/* A request for the offer from before the move. */
	assert_int_equal(select_offer(HOST, GUEST), DHCP_NAK);
	assert_to("255.255.255.255");
	assert_int_equal(select_offer(HOST, "10.0.0.10"), DHCP_NAK);
	assert_option_ip(DHCP_OPTION_SERVER, HOST);
	assert_int_equal(select_offer("10.0.0.1", "10.0.0.10"), DHCP_ACK);
	assert_option_ip(DHCP_OPTION_SERVER, "10.0.0.1");
	assert_address_at(AT_YIADDR, "10.0.0.10");
	assert_option_ip(DHCP_OPTION_ROUTER, "10.0.0.254");

	/* Only the host's address changes: the guest keeps its own and learns the new server. */
	config.host = ip("10.0.0.2");
	dhcp_server_configure(&server, &config);
	assert_int_equal(extend("10.0.0.10", "10.0.0.1"), DHCP_ACK);
	assert_option_ip(DHCP_OPTION_SERVER, "10.0.0.2");
	assert_address_at(AT_SOURCE, "10.0.0.2");
	/* The oldest former addresses are dropped. */
	assert_int_equal(extend("10.0.0.10", HOST), DHCP_ACK);
	for (unsigned int i = 0; i < DHCP_FORMER_MAX; i++) {
		config.host.s_addr = htonl(0x0a000010 + i);
		dhcp_server_configure(&server, &config);
		dhcp_server_configure(&server, &config);
	}
	assert_int_equal(extend("10.0.0.10", HOST), 0);
	assert_int_equal(extend("10.0.0.10", "10.0.0.2"), DHCP_ACK);
	assert_int_equal(extend("10.0.0.10", "10.0.0.16"), DHCP_ACK);
}

static void test_decline(void **state)
{
	begin(DHCP_DECLINE);
	query_ip(&query, DHCP_OPTION_SERVER, HOST);
	query_ip(&query, DHCP_OPTION_REQUESTED, GUEST);
	assert_int_equal(ask(), 0);
	assert_event(DHCP_EVENT_DECLINED, GUEST);
	/* Reported once, or the guest could fill a log. */
	begin(DHCP_DECLINE);
	assert_int_equal(ask(), 0);
	assert_int_equal(event.type, DHCP_EVENT_NONE);
	setup(NULL);
	begin(DHCP_DECLINE);
	assert_int_equal(ask(), 0);
	assert_event(DHCP_EVENT_DECLINED, GUEST);

	begin(DHCP_DECLINE);
	query_ip(&query, DHCP_OPTION_REQUESTED, "192.0.2.11");
	assert_int_equal(ask(), 0);
	assert_int_equal(event.type, DHCP_EVENT_NONE);
	begin(DHCP_DECLINE);
	query_ip(&query, DHCP_OPTION_SERVER, "192.0.2.2");
	query_ip(&query, DHCP_OPTION_REQUESTED, GUEST);
	assert_int_equal(ask(), 0);
	assert_int_equal(event.type, DHCP_EVENT_NONE);
}

static void test_release(void **state)
{
	begin(DHCP_RELEASE);
	query_ip(&query, DHCP_OPTION_SERVER, HOST);
	put_ip(query.packet + AT_CIADDR, GUEST);
	put_ip(query.packet + AT_SOURCE, GUEST);
	put_ip(query.packet + AT_DESTINATION, HOST);
	assert_int_equal(ask(), 0);
	assert_event(DHCP_EVENT_RELEASED, GUEST);
	begin(DHCP_RELEASE);
	put_ip(query.packet + AT_CIADDR, "192.0.2.11");
	assert_int_equal(ask(), 0);
	assert_int_equal(event.type, DHCP_EVENT_NONE);
	/* The released address is offered again. */
	begin(DHCP_DISCOVER);
	assert_int_equal(ask(), DHCP_OFFER);
}

static void test_inform(void **state)
{
	begin(DHCP_INFORM);
	put_ip(query.packet + AT_CIADDR, "192.0.2.77");
	assert_int_equal(ask(), DHCP_ACK);
	assert_event(DHCP_EVENT_INFORMED, "192.0.2.77");
	assert_to("192.0.2.77");
	assert_address_at(AT_YIADDR, "0.0.0.0");
	assert_address_at(AT_CIADDR, "192.0.2.77");
	assert_no_option(DHCP_OPTION_LEASE);
	assert_no_option(DHCP_OPTION_T1);
	assert_no_option(DHCP_OPTION_T2);
	assert_option_ip(DHCP_OPTION_MASK, "255.255.255.0");
	assert_option_ip(DHCP_OPTION_SERVER, HOST);

	begin(DHCP_INFORM);
	put_ip(query.packet + AT_SOURCE, "192.0.2.78");
	assert_int_equal(ask(), DHCP_ACK);
	assert_to("192.0.2.78");
	begin(DHCP_INFORM);
	assert_int_equal(ask(), 0);
	begin(DHCP_INFORM);
	put_ip(query.packet + AT_CIADDR, "224.0.0.1");
	assert_int_equal(ask(), 0);
	assert_int_equal(event.type, DHCP_EVENT_NONE);
}

static void test_other_types(void **state)
{
	static const uint8_t types[] = { DHCP_OFFER, DHCP_ACK, DHCP_NAK, 9, 13, 255 };

	for (size_t i = 0; i < sizeof(types); i++) {
		begin((enum dhcp_type)types[i]);
		assert_int_equal(ask(), 0);
		assert_int_equal(event.type, DHCP_EVENT_NONE);
	}
}

/* Asks as a client with this MAC address; returns the reply's type. */
static int ask_as(enum dhcp_type type, const struct ether_addr *mac)
{
	begin(type);
	query.mac = *mac;
	memcpy(query.packet + AT_CHADDR, mac, 6);
	return ask();
}

static const struct ether_addr cloned = { { 2, 0, 0, 0, 0, 9 } };
static const struct ether_addr further = { { 2, 0, 0, 0, 0, 10 } };

static void at(uint64_t now)
{
	struct dhcp_config config = plain();

	config.now = now;
	dhcp_server_configure(&server, &config);
}

/* The first client is the guest; its card's own MAC address takes the place of any other. */
static void test_adopted(void **state)
{
	assert_int_equal(ask_as(DHCP_DISCOVER, &cloned), DHCP_OFFER);
	assert_true(event.adopted);
	assert_memory_equal(&reply.mac, &cloned, 6);
	assert_int_equal(ask_as(DHCP_DISCOVER, &cloned), DHCP_OFFER);
	assert_false(event.adopted);
	assert_int_equal(ask_as(DHCP_DISCOVER, &further), 0);
	assert_int_equal(event.type, DHCP_EVENT_STRANGER);
	assert_int_equal(ask_as(DHCP_DISCOVER, &guest_mac), DHCP_OFFER);
	assert_true(event.adopted);
	assert_memory_equal(&reply.mac, &guest_mac, 6);
	assert_int_equal(ask_as(DHCP_DISCOVER, &cloned), 0);

	/* Its lease is over, or released: the guest comes with another MAC address. */
	at(299);
	assert_int_equal(ask_as(DHCP_DISCOVER, &cloned), 0);
	at(300);
	assert_int_equal(ask_as(DHCP_DISCOVER, &cloned), DHCP_OFFER);
	assert_true(event.adopted);
	begin(DHCP_RELEASE);
	query.mac = cloned;
	memcpy(query.packet + AT_CHADDR, &cloned, 6);
	put_ip(query.packet + AT_CIADDR, GUEST);
	assert_int_equal(ask(), 0);
	assert_int_equal(event.type, DHCP_EVENT_RELEASED);
	assert_int_equal(ask_as(DHCP_DISCOVER, &further), DHCP_OFFER);
	assert_true(event.adopted);
}

static void test_stranger(void **state)
{
	static const struct ether_addr none, group = { { 1, 0, 0, 0, 0, 9 } };

	assert_int_equal(ask_as(DHCP_DISCOVER, &guest_mac), DHCP_OFFER);
	assert_false(event.adopted);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(ask_as(DHCP_DISCOVER, &cloned), 0);
		assert_int_equal(event.type, i ? DHCP_EVENT_NONE : DHCP_EVENT_STRANGER);
		assert_memory_equal(&event.mac, &cloned, 6);
	}
	assert_int_equal(ask_as(DHCP_DISCOVER, &guest_mac), DHCP_OFFER);

	setup(NULL);
	assert_int_equal(ask_as(DHCP_INFORM, &cloned), 0);
	assert_int_equal(ask_as(DHCP_DISCOVER, &none), 0);
	assert_int_equal(ask_as(DHCP_DISCOVER, &group), 0);
	/* A frame of another than the client. */
	begin(DHCP_DISCOVER);
	query.mac = further;
	memcpy(query.packet + AT_CHADDR, &cloned, 6);
	assert_int_equal(ask(), 0);

	setup(NULL);
	begin(DHCP_DISCOVER);
	query.packet[AT_HLEN] = 0;
	assert_int_equal(ask(), 0);
	assert_int_equal(event.type, DHCP_EVENT_STRANGER);
	assert_memory_equal(&event.mac, &guest_mac, 6);
}

static void test_not_served(void **state)
{
	struct dhcp_config config = plain();

	/* Relayed. */
	begin(DHCP_DISCOVER);
	put_ip(query.packet + AT_GIADDR, "192.0.2.3");
	assert_int_equal(ask(), 0);
	/* To another machine. */
	begin(DHCP_DISCOVER);
	put_ip(query.packet + AT_DESTINATION, "192.0.2.254");
	assert_int_equal(ask(), 0);
	assert_int_equal(event.type, DHCP_EVENT_NONE);
	/* Configurations without an address, a host or a prefix length. */
	config.address = ip("0.0.0.0");
	dhcp_server_configure(&server, &config);
	begin(DHCP_DISCOVER);
	assert_int_equal(ask(), 0);
	config = plain();
	config.host = ip("0.0.0.0");
	dhcp_server_configure(&server, &config);
	begin(DHCP_DISCOVER);
	assert_int_equal(ask(), 0);
	config = plain();
	config.prefix_length = 0;
	dhcp_server_configure(&server, &config);
	begin(DHCP_DISCOVER);
	assert_int_equal(ask(), 0);
	/* Not a packet. */
	begin(DHCP_DISCOVER);
	query_end(&query);
	query.packet[0] = 0;
	event.type = DHCP_EVENT_BOUND;
	assert_int_equal(dhcp_server_answer(&server, &query, &reply, &event), -EBADMSG);
	assert_int_equal(event.type, DHCP_EVENT_NONE);
}

/* RFC 6842: each reply has the identifier, a refusal included. */
static void test_client_id(void **state)
{
	begin(DHCP_DISCOVER);
	query_option(&query, DHCP_OPTION_CLIENT_ID,
		     "\xff"
		     "abc",
		     4);
	assert_int_equal(ask(), DHCP_OFFER);
	assert_option(DHCP_OPTION_CLIENT_ID,
		      "\xff"
		      "abc",
		      4);
	begin(DHCP_REQUEST);
	query_option(&query, DHCP_OPTION_CLIENT_ID,
		     "\xff"
		     "abc",
		     4);
	query_ip(&query, DHCP_OPTION_REQUESTED, "10.0.0.1");
	assert_int_equal(ask(), DHCP_NAK);
	assert_option(DHCP_OPTION_CLIENT_ID,
		      "\xff"
		      "abc",
		      4);
}

static int ask_for(const char *codes)
{
	begin(DHCP_DISCOVER);
	query_option(&query, DHCP_OPTION_PARAMETERS, codes, strlen(codes));
	return ask();
}

/* Checks the codes of the options from the mask on. */
static void assert_order(const char *expected)
{
	char found[64] = "";
	size_t count = 0;
	bool from_mask = false;

	for (size_t at = AT_OPTIONS; reply.packet[at] != 255; at += 2u + reply.packet[at + 1]) {
		from_mask |= reply.packet[at] == DHCP_OPTION_MASK;
		if (from_mask)
			found[count++] = (char)reply.packet[at];
	}
	assert_string_equal(found, expected);
}

static void test_parameters(void **state)
{
	assert_int_equal(ask_for("\x77\x0f\x0c\x1c\x0c\x2c\xfc\x03\x33\x77\x01"), DHCP_OFFER);
	assert_order("\x01\x03\x06\x1a\x77\x0f\x0c\x1c");
	assert_option(DHCP_OPTION_SEARCH,
		      "\x03lan\x04test\x00\x04"
		      "corp\x04test",
		      21);
	assert_lease();
	assert_int_equal(ask_for("\x1c"), DHCP_OFFER);
	assert_order("\x01\x03\x06\x1a\x1c");
	assert_lease();
}

static void test_empty_options(void **state)
{
	struct dhcp_config config = plain();

	config.gateway = ip("0.0.0.0");
	config.dns_count = config.search_count = config.mtu = 0;
	config.hostname[0] = '\0';
	dhcp_server_configure(&server, &config);
	assert_int_equal(ask_for("\x01\x03\x06\x0c\x0f\x1a\x1c\x77\x79\xf9"), DHCP_OFFER);
	assert_order("\x01\x1c");
	config.mtu = 67;
	dhcp_server_configure(&server, &config);
	ask_for("\x1a");
	assert_no_option(DHCP_OPTION_MTU);
	config.mtu = 65536;
	dhcp_server_configure(&server, &config);
	ask_for("\x1a");
	assert_no_option(DHCP_OPTION_MTU);
}

/* A gateway outside of the subnet; a client that asks for routes ignores the router option. */
static void test_routes(void **state)
{
	static const char routes[] = "\x20\xc6\x33\x64\x01\0\0\0\0\0\xc6\x33\x64\x01";
	struct dhcp_config config = plain();

	assert_int_equal(ask_for("\x79\xf9"), DHCP_OFFER);
	assert_no_option(DHCP_OPTION_ROUTES);
	config.gateway = ip("198.51.100.1");
	dhcp_server_configure(&server, &config);
	ask_for("\x79\xf9");
	assert_option(DHCP_OPTION_ROUTES, routes, sizeof(routes) - 1);
	assert_option(DHCP_OPTION_ROUTES_MICROSOFT, routes, sizeof(routes) - 1);
	assert_option_ip(DHCP_OPTION_ROUTER, "198.51.100.1");
	begin(DHCP_DISCOVER);
	ask();
	assert_no_option(DHCP_OPTION_ROUTES);
}

static void set_long_search(struct dhcp_config *config, unsigned int i, size_t size)
{
	memset(config->search[i], 'a' + (int)i, size);
	for (size_t dot = 63; dot < size; dot += 64)
		config->search[i][dot] = '.';
	config->search[i][size] = '\0';
}

/* Requested options that do not fit are left out; those for every client are always there. */
static void test_room(void **state)
{
	static const uint8_t id[255] = { 1 };
	struct dhcp_config config = plain();
	size_t size;

	config.search_count = 2;
	set_long_search(&config, 0, 253);
	set_long_search(&config, 1, 100);
	dhcp_server_configure(&server, &config);
	for (unsigned int i = 0; i < 4; i++) {
		begin(DHCP_DISCOVER);
		query_option(&query, DHCP_OPTION_PARAMETERS, "\x0f\x77\x0c", 3);
		query_option(&query, DHCP_OPTION_CLIENT_ID, id, i & 1 ? 250 : 7);
		if (i & 2)
			query_option(&query, DHCP_OPTION_SIZE_MAX, "\xff\xff", 2);
		assert_int_equal(ask(), DHCP_OFFER);
		assert_lease();
		assert_true(reply.size <= (i & 2 ? DHCP_PACKET_MAX : DHCP_PACKET_MIN));
		assert_int_equal(reply_option(&reply, DHCP_OPTION_DOMAIN, &size) != NULL, i >= 2);
		assert_int_equal(reply_option(&reply, DHCP_OPTION_SEARCH, &size) != NULL, i >= 2);
	}
	/* The first domain fills the option; of shorter ones, two of three fit. */
	assert_int_equal(size, 255);
	config.search_count = 3;
	set_long_search(&config, 0, 100);
	set_long_search(&config, 2, 60);
	memcpy(config.search[1], config.search[0], sizeof(config.search[1]));
	dhcp_server_configure(&server, &config);
	begin(DHCP_DISCOVER);
	query_option(&query, DHCP_OPTION_PARAMETERS, "\x77", 1);
	query_option(&query, DHCP_OPTION_SIZE_MAX, "\x05\xdc", 2);
	assert_int_equal(ask(), DHCP_OFFER);
	assert_non_null(reply_option(&reply, DHCP_OPTION_SEARCH, &size));
	assert_int_equal(size, 2 * 102);
	/* The link's MTU limits the reply below the client's maximum. */
	config = plain();
	config.search_count = 1;
	set_long_search(&config, 0, 253);
	config.mtu = 800;
	dhcp_server_configure(&server, &config);
	begin(DHCP_DISCOVER);
	query_option(&query, DHCP_OPTION_PARAMETERS, "\x0f\x77\x0c", 3);
	query_option(&query, DHCP_OPTION_CLIENT_ID, id, 255);
	query_option(&query, DHCP_OPTION_SIZE_MAX, "\x05\xdc", 2);
	assert_int_equal(ask(), DHCP_OFFER);
	assert_true(reply.size <= 800);
	assert_option(DHCP_OPTION_HOSTNAME, "web", 3);
}

static void test_times(void **state)
{
	struct dhcp_config config = plain();

	config.lease = DHCP_LEASE_MIN;
	dhcp_server_configure(&server, &config);
	begin(DHCP_DISCOVER);
	ask();
	assert_option(DHCP_OPTION_T1, "\0\0\0\2", 4);
	assert_option(DHCP_OPTION_T2, "\0\0\0\3", 4);
	config.lease = UINT32_MAX;
	dhcp_server_configure(&server, &config);
	begin(DHCP_DISCOVER);
	ask();
	assert_option(DHCP_OPTION_T1, "\x7f\xff\xff\xff", 4);
	assert_option(DHCP_OPTION_T2, "\xdf\xff\xff\xff", 4);
}

static void load(const struct golden *packet)
{
	protocol_record_init(&query, RECORD_DHCP);
	query.mac = guest_mac;
	query.checksum_unfinished = packet->unfinished;
	query.size = strlen(packet->packet) / 2;
	for (uint32_t i = 0; i < query.size; i++) {
		const char digits[] = { packet->packet[2 * i], packet->packet[2 * i + 1], '\0' };

		query.packet[i] = strtoul(digits, NULL, 16);
	}
}

static void test_golden(void **state)
{
	for (size_t i = 0; i < sizeof(golden) / sizeof(golden[0]); i++) {
		struct dhcp_config config = plain();

		if (strcmp(golden[i].what, "release") == 0)
			config.address = ip("192.0.2.20");
		dhcp_server_configure(&server, &config);
		load(&golden[i]);
		if (answer() != golden[i].reply || event.type != golden[i].event)
			fail_msg("%s: %s", golden[i].client, golden[i].what);
		if (golden[i].unfinished) {
			query.checksum_unfinished = 0;
			assert_int_equal(dhcp_server_answer(&server, &query, &reply, &event),
					 -EBADMSG);
		}
	}
}

#define CASE(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_discover),  CASE(test_broadcast_flag), CASE(test_rapid_commit),
		CASE(test_selecting), CASE(test_init_reboot),    CASE(test_renewing),
		CASE(test_rebinding), CASE(test_moved),          CASE(test_decline),
		CASE(test_release),   CASE(test_inform),         CASE(test_other_types),
		CASE(test_adopted),   CASE(test_stranger),       CASE(test_not_served),
		CASE(test_client_id), CASE(test_parameters),     CASE(test_empty_options),
		CASE(test_routes),    CASE(test_room),           CASE(test_times),
		CASE(test_golden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
