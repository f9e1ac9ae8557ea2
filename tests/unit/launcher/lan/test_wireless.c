// SPDX-License-Identifier: GPL-2.0-or-later
// Parses nl80211 messages: as drivers send them, truncated, oversized and hostile.
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/nl80211.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "launcher/lan/wireless.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/kernel/netlink.h"
#include "netsetup/kernel/network_dump.h"
#include "tests/unit/support/hostile.h"

#define FAMILY 28

static struct nl_msg *message(uint8_t command)
{
	struct nl_msg *msg = nlmsg_alloc();

	assert_non_null(genlmsg_put(msg, 0, 0, FAMILY, 0, NLM_F_MULTI, command, 1));
	return msg;
}

/* A message about interface 3, without an SSID if ssid_length is below 0. */
static struct nl_msg *interface_message(uint32_t iftype, const void *ssid, int ssid_length)
{
	struct nl_msg *msg = message(NL80211_CMD_NEW_INTERFACE);

	nla_put_u32(msg, NL80211_ATTR_IFINDEX, 3);
	nla_put_string(msg, NL80211_ATTR_IFNAME, "wlan0");
	nla_put_u32(msg, NL80211_ATTR_WIPHY, 0);
	nla_put_u32(msg, NL80211_ATTR_IFTYPE, iftype);
	if (ssid_length >= 0)
		nla_put(msg, NL80211_ATTR_SSID, ssid_length, ssid);
	return msg;
}

static struct nl_msg *network_message(uint32_t status, const void *elements, int size)
{
	struct nl_msg *msg = message(NL80211_CMD_NEW_SCAN_RESULTS);
	struct nlattr *bss;

	nla_put_u32(msg, NL80211_ATTR_IFINDEX, 3);
	bss = nla_nest_start(msg, NL80211_ATTR_BSS);
	nla_put(msg, NL80211_BSS_BSSID, 6, "\2\0\0\0\0\1");
	nla_put(msg, NL80211_BSS_INFORMATION_ELEMENTS, size, elements);
	nla_put_u32(msg, NL80211_BSS_STATUS, status);
	nla_nest_end(msg, bss);
	return msg;
}

/**
 * struct wireless_case - a message and the interface's expected state after it.
 * @iftype: enum nl80211_iftype.
 * @ssid: @ssid_length octets; the message has none if @ssid_length is below 0.
 * @result: of the parser.
 * @text: the SSID as text.
 */
static const struct {
	uint32_t iftype;
	const char *ssid;
	int ssid_length;
	int result;
	const char *text;
} interface_cases[] = {
	{ NL80211_IFTYPE_STATION, "home", 4, 0, "home" },
	{ NL80211_IFTYPE_STATION, "", -1, 0, "" },
	{ NL80211_IFTYPE_STATION, "", 0, 0, "" },
	{ NL80211_IFTYPE_STATION, "\0\0\0\0", 4, 0, "" },
	{ NL80211_IFTYPE_STATION, "a\0b", 3, 0, "a\\x00b" },
	{ NL80211_IFTYPE_AP, "two words, 'quoted'", 19, 0, "two words, 'quoted'" },
	{ NL80211_IFTYPE_STATION, "\033]0;x\007\r\n\t", 9, 0, "\\x1b]0;x\\x07\\x0d\\x0a\\x09" },
	{ NL80211_IFTYPE_STATION, "Caf\xc3\xa9 \\x41", 10, 0, "Caf\\xc3\\xa9 \\x5cx41" },
	{ NL80211_IFTYPE_STATION, "0123456789abcdef0123456789abcdef", 32, 0,
	  "0123456789abcdef0123456789abcdef" },
	{ NL80211_IFTYPE_STATION, "0123456789abcdef0123456789abcdef!", 33, -EBADMSG, "" },
};

static void test_interface(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(interface_cases); i++) {
		struct interface links[] = { { .ifindex = 2 }, { .ifindex = 3 } };
		struct interfaces table = { .links = links, .link_count = 2 };
		cleanup_nl_msg *msg = interface_message(interface_cases[i].iftype,
							interface_cases[i].ssid,
							interface_cases[i].ssid_length);

		assert_int_equal(wireless_add_interface(nlmsg_hdr(msg), &table),
				 interface_cases[i].result);
		assert_string_equal(links[1].ssid, interface_cases[i].text);
		assert_false(links[0].wireless);
		if (interface_cases[i].result == 0) {
			assert_true(links[1].wireless);
			assert_int_equal(links[1].wireless_type, interface_cases[i].iftype);
		}
	}
}

/* The longest possible text fits. */
static void test_longest(void **state)
{
	char text[SSID_TEXT_SIZE];
	uint8_t ssid[32];

	memset(ssid, 0xff, sizeof(ssid));
	assert_int_equal(wireless_ssid(ssid, sizeof(ssid), text), 0);
	assert_int_equal(strlen(text), SSID_TEXT_SIZE - 1);
	assert_string_equal(text + SSID_TEXT_SIZE - 5, "\\xff");
	assert_int_equal(wireless_ssid(ssid, 33, text), -EBADMSG);
}

static void test_other_messages(void **state)
{
	struct interface link = { .ifindex = 9 };
	struct interfaces table = { .links = &link, .link_count = 1 };
	cleanup_nl_msg *unknown = interface_message(NL80211_IFTYPE_STATION, "home", 4);
	cleanup_nl_msg *device = message(NL80211_CMD_NEW_INTERFACE);
	cleanup_nl_msg *wiphy = message(NL80211_CMD_NEW_WIPHY);

	nla_put_u32(device, NL80211_ATTR_IFTYPE, NL80211_IFTYPE_P2P_DEVICE);
	nla_put_u32(wiphy, NL80211_ATTR_IFINDEX, 9);
	assert_int_equal(wireless_add_interface(nlmsg_hdr(unknown), &table), 0);
	assert_int_equal(wireless_add_interface(nlmsg_hdr(device), &table), 0);
	assert_int_equal(wireless_add_interface(nlmsg_hdr(wiphy), &table), 0);
	assert_int_equal(wireless_add_network(nlmsg_hdr(wiphy), &link), 0);
	assert_false(link.wireless);
}

#define ELEMENTS(text) text, sizeof(text) - 1

static const struct {
	const char *elements;
	int size;
	int result;
	const char *text; /* "-" if the old text stays */
} element_cases[] = {
	{ ELEMENTS("\0\4home\1\1\2"), 0, "home" },
	{ ELEMENTS("\1\2xx\0\4home"), 0, "home" },
	{ ELEMENTS("\0\0"), 0, "" },
	{ ELEMENTS("\0\4\0\0\0\0"), 0, "" },
	{ ELEMENTS("\0\1a\0\1b"), 0, "a" },
	{ ELEMENTS(""), -ENOENT, "-" },
	{ ELEMENTS("\0"), -ENOENT, "-" },
	{ ELEMENTS("\1\1x"), -ENOENT, "-" },
	{ ELEMENTS("\1\1x\0"), -ENOENT, "-" },
	{ ELEMENTS("\0\5home"), -EBADMSG, "-" },
	{ ELEMENTS("\1\xffx"), -EBADMSG, "-" },
	{ ELEMENTS("\0\41this one is of thirty-three octet"), -EBADMSG, "-" },
};

static void test_elements(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(element_cases); i++) {
		size_t size = (size_t)element_cases[i].size;
		cleanup_free uint8_t *exact = malloc(size + !size);
		struct interface link = { .ifindex = 3, .ssid = "-" };
		struct interface other = link;
		char text[SSID_TEXT_SIZE] = "-";
		cleanup_nl_msg *ours = NULL, *theirs = NULL;

		memcpy(exact, element_cases[i].elements, size);
		assert_int_equal(wireless_elements_ssid(exact, size, text),
				 element_cases[i].result);
		assert_string_equal(text, element_cases[i].text);

		ours = network_message(NL80211_BSS_STATUS_ASSOCIATED, exact, (int)size);
		assert_int_equal(wireless_add_network(nlmsg_hdr(ours), &link), 0);
		assert_string_equal(link.ssid, element_cases[i].text);

		/* 0 is NL80211_BSS_STATUS_AUTHENTICATED: not yet connected. */
		theirs = network_message(NL80211_BSS_STATUS_AUTHENTICATED, exact, (int)size);
		assert_int_equal(wireless_add_network(nlmsg_hdr(theirs), &other), 0);
		assert_string_equal(other.ssid, "-");
	}
}

static void parse_any(struct nlmsghdr *header)
{
	struct interface link = { .ifindex = 3 };
	struct interfaces table = { .links = &link, .link_count = 1 };

	wireless_add_interface(header, &table);
	wireless_add_network(header, &link);
	assert_non_null(memchr(link.ssid, 0, sizeof(link.ssid)));
}

static void test_hostile(void **state)
{
	cleanup_nl_msg *link = interface_message(NL80211_IFTYPE_STATION, "home", 4);
	cleanup_nl_msg *network = network_message(NL80211_BSS_STATUS_ASSOCIATED, "\1\2xx\0\4home",
						  10);

	hostile_feed(link, parse_any);
	hostile_feed(network, parse_any);
}

static void test_station(void **state)
{
	struct interface link = { .wireless = true, .wireless_type = NL80211_IFTYPE_STATION };

	assert_true(wireless_station(&link));
	link.wireless_type = NL80211_IFTYPE_UNSPECIFIED;
	assert_true(wireless_station(&link));
	link.wireless_type = NL80211_IFTYPE_AP;
	assert_false(wireless_station(&link));
	link = (struct interface){ 0 };
	assert_false(wireless_station(&link));
	assert_string_equal(wireless_mode(NL80211_IFTYPE_AP), "access point");
	assert_string_equal(wireless_mode(NUM_NL80211_IFTYPES), "unknown mode");
	assert_string_equal(wireless_mode(UINT32_MAX), "unknown mode");
}

/* The query works on each machine, with or without nl80211. */
static void test_read(void **state)
{
	cleanup_interfaces struct interfaces table = { 0 };
	struct error err = { 0 };

	assert_int_equal(network_dump(&table, &err), 0);
	assert_int_equal(wireless_read(&table, &err), 0);
	for (size_t i = 0; i < table.link_count; i++)
		if (table.links[i].flags & IFF_LOOPBACK)
			assert_false(table.links[i].wireless);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interface),      cmocka_unit_test(test_longest),
		cmocka_unit_test(test_other_messages), cmocka_unit_test(test_elements),
		cmocka_unit_test(test_hostile),        cmocka_unit_test(test_station),
		cmocka_unit_test(test_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
