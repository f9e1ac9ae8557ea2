// SPDX-License-Identifier: GPL-2.0-or-later
// Checks which requests a change of the host's network leads to.
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "launcher/lan/follow.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"

#define BOTH (FOLLOW_WITHDRAW | FOLLOW_MOVE)

static struct in_addr address(const char *text)
{
	return (struct in_addr){ inet_addr(text) };
}

static const struct in_addr none = { INADDR_ANY };

static struct uplink make_uplink(const char *host, const char *router, const char *ssid)
{
	struct uplink uplink = { .ifname = "wlan0",
				 .ifindex = 3,
				 .prefix = { address(host), 24 },
				 .router = router ? address(router) : none,
				 .mtu = 1500,
				 .wireless = true };

	strcpy(uplink.ssid, ssid);
	return uplink;
}

static struct uplink home(void)
{
	return make_uplink("192.168.1.5", "192.168.1.1", "home");
}

static struct ready_record make_ready(const char *guest)
{
	struct ready_record ready;

	protocol_record_init(&ready, RECORD_READY);
	strcpy(ready.tap, "vmr-web");
	ready.address = address(guest);
	return ready;
}

static struct network network;

/* Begins at home, with 192.168.1.10. */
static struct follow start(unsigned int configure, const char *fixed)
{
	const struct ready_record ready = make_ready("192.168.1.10");
	const struct uplink uplink = home();
	struct follow follow;

	network = (struct network){ .configure = configure,
				    .address = fixed ? address(fixed) : none };
	follow_init(&follow, &network);
	assert_int_equal(follow_find(&follow, &uplink, ""), FOLLOW_MOVE);
	follow_ready(&follow, &ready);
	assert_int_equal(follow.place.state, LAN_UP);
	assert_string_equal(follow.place.uplink, "wlan0");
	assert_string_equal(follow.place.ssid, "home");
	assert_string_equal(follow.place.tap, "vmr-web");
	assert_true(ipv4_equal(follow.place.gateway, uplink.router));
	return follow;
}

static struct attach_record request(const struct follow *follow)
{
	const struct in_addr dns[] = { address("192.168.1.2"), address("9.9.9.9") };
	struct attach_record attach;

	protocol_record_init(&attach, RECORD_ATTACH);
	follow_request(follow, dns, ARRAY_SIZE(dns), &attach);
	return attach;
}

static void assert_address(struct in_addr found, const char *expected)
{
	char text[IPV4_TEXT_SIZE];

	assert_string_equal(ipv4_text(found, text), expected);
}

/* A change of the host's network, for a guest with 192.168.1.10. */
static const struct row {
	const char *name;
	unsigned int configure;
	const char *fixed;
	const char *host; /* NULL: no uplink */
	const char *router;
	const char *ssid;
	unsigned int actions;
	const char *wanted; /* the address of the move */
	enum lan_state state;
} rows[] = {
	{ "nothing", CONFIGURE_CMDLINE, NULL, "192.168.1.5", "192.168.1.1", "home", FOLLOW_MOVE,
	  "192.168.1.10", LAN_UP },
	{ "nothing, DHCP", CONFIGURE_DHCP, NULL, "192.168.1.5", "192.168.1.1", "home", FOLLOW_MOVE,
	  "0.0.0.0", LAN_UP },
	{ "nothing, fixed", CONFIGURE_DHCP, "192.168.1.10", "192.168.1.5", "192.168.1.1", "home",
	  FOLLOW_MOVE, "192.168.1.10", LAN_UP },
	{ "the host's address", CONFIGURE_CMDLINE, NULL, "192.168.1.6", "192.168.1.1", "home",
	  FOLLOW_MOVE, "192.168.1.10", LAN_UP },
	{ "no router for now", CONFIGURE_CMDLINE, NULL, "192.168.1.5", NULL, "home", FOLLOW_MOVE,
	  "192.168.1.10", LAN_UP },
	{ "no SSID known", CONFIGURE_CMDLINE, NULL, "192.168.1.5", "192.168.1.1", "", FOLLOW_MOVE,
	  "192.168.1.10", LAN_UP },
	{ "no uplink", CONFIGURE_DHCP, NULL, NULL, NULL, "", FOLLOW_WITHDRAW, NULL, LAN_AWAY },
	{ "another subnet", CONFIGURE_CMDLINE, NULL, "10.0.0.5", "10.0.0.1", "cafe",
	  FOLLOW_WITHDRAW, NULL, LAN_ELSEWHERE },
	{ "another subnet, DHCP", CONFIGURE_DHCP, NULL, "10.0.0.5", "10.0.0.1", "cafe", BOTH,
	  "0.0.0.0", LAN_UP },
	{ "another subnet, fixed", CONFIGURE_DHCP, "192.168.1.10", "10.0.0.5", "10.0.0.1", "cafe",
	  FOLLOW_WITHDRAW, NULL, LAN_ELSEWHERE },
	{ "the same numbers elsewhere", CONFIGURE_CMDLINE, NULL, "192.168.1.5", "192.168.1.1",
	  "cafe", BOTH, "192.168.1.10", LAN_UP },
	{ "another router", CONFIGURE_CMDLINE, NULL, "192.168.1.5", "192.168.1.254", "home", BOTH,
	  "192.168.1.10", LAN_UP },
	{ "the host has the address", CONFIGURE_CMDLINE, NULL, "192.168.1.10", "192.168.1.1",
	  "home", FOLLOW_WITHDRAW, NULL, LAN_ELSEWHERE },
	{ "the host has the address, DHCP", CONFIGURE_DHCP, NULL, "192.168.1.10", "192.168.1.1",
	  "home", FOLLOW_MOVE, "0.0.0.0", LAN_UP },
};

static void test_find(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct follow follow = start(row->configure, row->fixed);
		struct uplink uplink;
		unsigned int actions;

		if (row->host)
			uplink = make_uplink(row->host, row->router, row->ssid);
		actions = follow_find(&follow, row->host ? &uplink : NULL, "it is away");
		if (actions != row->actions || follow.place.state != row->state)
			fail_msg("%s: actions %u, state %d", row->name, actions,
				 follow.place.state);
		if (row->wanted)
			assert_address(request(&follow).address, row->wanted);
		/* A withdrawn VM need not be withdrawn again. */
		if (!(row->actions & FOLLOW_MOVE))
			assert_int_equal(follow_find(&follow, row->host ? &uplink : NULL, ""), 0);
	}
}

static void test_texts(void **state)
{
	struct follow follow = start(CONFIGURE_CMDLINE, NULL);
	struct uplink uplink = make_uplink("10.0.0.5", "10.0.0.1", "cafe");

	follow_find(&follow, NULL, "no usable uplink");
	assert_string_equal(follow.place.reason, "no usable uplink");
	follow_find(&follow, &uplink, "");
	assert_string_equal(follow.place.reason,
			    "the guest's address 192.168.1.10 is fixed, and 'wlan0' is in "
			    "10.0.0.0/24 now; it works again in its own network");
	uplink = make_uplink("192.168.1.10", "192.168.1.1", "home");
	follow_find(&follow, &uplink, "");
	assert_string_equal(follow.place.reason,
			    "the guest's address 192.168.1.10 is fixed, and this host has it now");
}

/* The LAN has its router even while this host has no route to it. */
static void test_router_kept(void **state)
{
	struct follow follow = start(CONFIGURE_CMDLINE, NULL);
	struct uplink uplink = make_uplink("192.168.1.5", NULL, "home");

	follow_find(&follow, &uplink, "");
	assert_address(follow.place.gateway, "192.168.1.1");
	network.gateway_mode = GATEWAY_HOST;
	follow_find(&follow, &uplink, "");
	assert_address(follow.place.gateway, "192.168.1.5");
	network.gateway_mode = GATEWAY_ADDRESS;
	network.gateway = address("192.168.1.9");
	follow_find(&follow, &uplink, "");
	assert_address(follow.place.gateway, "192.168.1.9");
	assert_address(request(&follow).avoided[1], "192.168.1.9");
}

static void test_request(void **state)
{
	const struct follow follow = start(CONFIGURE_DHCP, NULL);
	const struct attach_record attach = request(&follow);

	assert_int_equal(attach.ifindex, 3);
	assert_address(attach.host, "192.168.1.5");
	assert_address(attach.avoided[0], "192.168.1.1");
	assert_address(attach.avoided[1], "192.168.1.2");
	assert_address(attach.avoided[2], "9.9.9.9");
	assert_address(attach.avoided[3], "0.0.0.0");
	assert_int_equal(attach.announce, 0);
}

static struct conflict_record make_conflict(const char *contested)
{
	struct conflict_record conflict;

	protocol_record_init(&conflict, RECORD_CONFLICT);
	conflict.mac = (struct ether_addr){ { 2, 0, 0, 0, 0, 7 } };
	conflict.address = address(contested);
	return conflict;
}

/* A guest that can get another address gives its own up. */
static void test_conflict(void **state)
{
	const struct conflict_record conflict = make_conflict("192.168.1.10");
	const struct ready_record ready = make_ready("192.168.1.11");
	struct follow follow = start(CONFIGURE_DHCP, NULL);

	assert_int_equal(follow_conflict(&follow, &conflict, 1000), FOLLOW_MOVE);
	assert_address(request(&follow).address, "0.0.0.0");
	assert_address(request(&follow).avoided[0], "192.168.1.10");
	follow_ready(&follow, &ready);
	assert_int_equal(follow.place.state, LAN_UP);
	assert_string_equal(follow.place.reason, "02:00:00:00:00:07 insists on 192.168.1.10");
	assert_address(request(&follow).avoided[0], "192.168.1.1");
	assert_int_equal(follow_conflict(&follow, &conflict, 1000), 0);
	assert_false(follow_conflict_over(&follow, 100000));
}

/* Without another free address the guest keeps its own. */
static void test_conflict_full(void **state)
{
	const struct conflict_record conflict = make_conflict("192.168.1.10");
	const struct ready_record ready = make_ready("192.168.1.10");
	const struct error full = { .code = EADDRNOTAVAIL, .status = STATUS_NETWORK };
	struct follow follow = start(CONFIGURE_DHCP, NULL);
	bool retry;

	follow_conflict(&follow, &conflict, 1000);
	assert_int_equal(follow_failed(&follow, &full, &retry), FOLLOW_MOVE);
	assert_address(request(&follow).address, "192.168.1.10");
	follow_ready(&follow, &ready);
	assert_int_equal(follow.place.state, LAN_CONFLICT);
	assert_int_equal(follow_failed(&follow, &full, &retry), 0);
	assert_int_equal(follow.place.state, LAN_AWAY);
	assert_false(retry);
}

static void test_conflict_kept(void **state)
{
	const struct conflict_record conflict = make_conflict("192.168.1.10"),
				     other = make_conflict("192.168.1.12");
	const struct ready_record ready = make_ready("192.168.1.10");
	struct follow follow = start(CONFIGURE_CMDLINE, NULL);

	assert_int_equal(follow_conflict(&follow, &other, 1000), 0);
	assert_int_equal(follow.place.state, LAN_UP);
	assert_int_equal(follow_conflict(&follow, &conflict, 1000), 0);
	assert_int_equal(follow.place.state, LAN_CONFLICT);
	assert_string_equal(follow.place.reason,
			    "02:00:00:00:00:07 also uses the guest's address 192.168.1.10");
	/* A move meanwhile changes nothing, another claim does. */
	follow_ready(&follow, &ready);
	assert_int_equal(follow.place.state, LAN_CONFLICT);
	assert_int_equal(follow_conflict(&follow, &conflict, 20000), 0);
	assert_false(follow_conflict_over(&follow, 20000 + FOLLOW_CONFLICT_MS - 1));
	assert_true(follow_conflict_over(&follow, 20000 + FOLLOW_CONFLICT_MS));
	assert_int_equal(request(&follow).announce, 1);
	follow_ready(&follow, &ready);
	assert_int_equal(follow.place.state, LAN_UP);
	assert_int_equal(request(&follow).announce, 0);
}

static void test_failed(void **state)
{
	const struct error busy = { .code = EIO, .status = STATUS_FAILURE, .message = "busy" };
	const struct error taken = { .code = EADDRINUSE, .status = STATUS_NETWORK };
	const struct error policy = { .code = EACCES, .status = STATUS_PERMISSION };
	const struct uplink uplink = home();
	struct follow follow = start(CONFIGURE_DHCP, NULL);
	bool retry;

	assert_int_equal(follow_failed(&follow, &busy, &retry), 0);
	assert_true(retry);
	assert_int_equal(follow.place.state, LAN_AWAY);
	assert_string_equal(follow.place.reason, "busy");
	assert_int_equal(follow_failed(&follow, &taken, &retry), 0);
	assert_false(retry);
	assert_int_equal(follow_failed(&follow, &policy, &retry), FOLLOW_WITHDRAW);
	assert_false(retry);
	assert_int_equal(follow_find(&follow, &uplink, ""), FOLLOW_MOVE);
}

static void check_row(const char *fixed, const char *expected)
{
	const struct in_addr dns[] = { address("192.168.1.2") };
	const struct uplink uplink = home();
	struct error err = { 0 };

	network.address = fixed ? address(fixed) : none;
	if (follow_check(&network, &uplink, dns, 1, &err) == 0)
		err.message[0] = '\0';
	assert_string_equal(err.message, expected);
}

static void test_check(void **state)
{
	network = (struct network){ .gateway_mode = GATEWAY_ADDRESS,
				    .gateway = address("192.168.1.9") };
	check_row(NULL, "");
	check_row("192.168.1.10", "");
	check_row("192.168.1.9", "address 192.168.1.9 is the gateway's");
	check_row("192.168.1.2", "address 192.168.1.2 is a DNS server's");
	check_row("192.168.1.1", "address 192.168.1.1 is the router's");
	check_row("192.168.1.5", "address 192.168.1.5 is this host's");
	/* The service's text says more. */
	check_row("10.0.0.1", "");
	network.gateway = address("10.0.0.1");
	check_row(NULL, "gateway 10.0.0.1 is not in 192.168.1.5/24, the subnet of uplink 'wlan0'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),          cmocka_unit_test(test_texts),
		cmocka_unit_test(test_router_kept),   cmocka_unit_test(test_request),
		cmocka_unit_test(test_conflict),      cmocka_unit_test(test_conflict_full),
		cmocka_unit_test(test_conflict_kept), cmocka_unit_test(test_failed),
		cmocka_unit_test(test_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
