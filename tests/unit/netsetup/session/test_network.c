// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the properties that tell networks apart without sending a packet.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "netsetup/session/network.h"

static struct in_addr address(const char *text)
{
	struct in_addr parsed;

	assert_true(ipv4_parse(text, &parsed));
	return parsed;
}

static struct uplink uplink(const char *host, unsigned int length, const char *router,
			    const char *ssid)
{
	struct uplink made = { .ifname = "wlan0", .prefix = { address(host), length } };

	if (router)
		made.router = address(router);
	strcpy(made.ssid, ssid);
	return made;
}

/* Returns a network as network_note() does, without a kernel. */
static struct network network(const struct uplink *from)
{
	struct network made = { .prefix = from->prefix, .router = from->router };

	memcpy(made.ssid, from->ssid, sizeof(made.ssid));
	return made;
}

static void expect(const char *host, unsigned int length, const char *router, const char *ssid,
		   bool same)
{
	const struct uplink home = uplink("192.168.77.2", 24, "192.168.77.1", "home");
	const struct uplink now = uplink(host, length, router, ssid);
	const struct network known = network(&home);

	assert_int_equal(network_same(&known, &now), same);
}

static void test_numbers(void **state)
{
	expect("192.168.77.2", 24, "192.168.77.1", "home", true);
	/* Another address of the host's. */
	expect("192.168.77.40", 24, "192.168.77.1", "home", true);
	expect("192.168.78.2", 24, "192.168.78.1", "home", false);
	expect("192.168.77.2", 16, "192.168.77.1", "home", false);
	expect("192.168.77.2", 25, "192.168.77.1", "home", false);
	expect("192.168.77.2", 24, "192.168.77.254", "home", false);
	expect("192.168.77.2", 24, "192.168.77.1", "cafe", false);
}

/* A wired network has no SSID, and an address comes before its routes. */
static void test_what_is_not_known(void **state)
{
	expect("192.168.77.3", 24, "192.168.77.1", "", true);
	expect("192.168.77.2", 24, NULL, "home", true);
	expect("192.168.77.3", 24, NULL, "", true);
	expect("192.168.88.3", 24, NULL, "", false);
}

static void test_none_noted(void **state)
{
	const struct uplink now = uplink("192.168.77.2", 24, "192.168.77.1", "home");
	const struct network none = { 0 };

	assert_false(network_same(&none, &now));
}

/* A router without a known hardware address cannot be told from another: no packet is sent. */
static void test_unknown_router_is_not_asked(void **state)
{
	const struct uplink now = uplink("192.168.77.2", 24, "192.168.77.1", "home");
	const struct network known = network(&now);

	assert_true(network_confirm(&known, &now, -1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_what_is_not_known),
		cmocka_unit_test(test_none_noted),
		cmocka_unit_test(test_unknown_router_is_not_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
