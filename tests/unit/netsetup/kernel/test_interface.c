// SPDX-License-Identifier: GPL-2.0-or-later
// Parses good, irrelevant and hostile rtnetlink messages.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <netlink/msg.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "netsetup/kernel/interface.h"
#include "netsetup/kernel/netlink.h"
#include "netsetup/kernel/route.h"
#include "tests/unit/support/hostile.h"

#define ROUTER  0xc0a80101u /* 192.168.1.1 */
#define ADDRESS 0xc0a80105u

static struct nl_msg *link_message(const char *ifname, size_t name_size)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_MULTI);
	struct ifinfomsg info = { .ifi_index = 3,
				  .ifi_type = ARPHRD_ETHER,
				  .ifi_flags = IFF_UP | IFF_BROADCAST };
	struct nlattr *linkinfo;

	nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
	if (ifname)
		nla_put(msg, IFLA_IFNAME, (int)name_size, ifname);
	nla_put_u32(msg, IFLA_MTU, 1420);
	nla_put_u32(msg, IFLA_MASTER, 7);
	nla_put(msg, IFLA_ADDRESS, 6, "\2\0\0\0\0\3");
	linkinfo = nla_nest_start(msg, IFLA_LINKINFO);
	nla_put_string(msg, IFLA_INFO_KIND, "bridge");
	nla_nest_end(msg, linkinfo);
	return msg;
}

static void test_link(void **state)
{
	cleanup_interfaces struct interfaces table = { 0 };
	cleanup_nl_msg *msg = link_message("exactly-fifteen", 16);
	const struct interface *link;

	for (int i = 0; i < 5; i++)
		assert_int_equal(interface_add_link(nlmsg_hdr(msg), &table), 0);
	assert_int_equal(table.link_count, 5);
	link = &table.links[4];
	assert_string_equal(link->ifname, "exactly-fifteen");
	assert_int_equal(link->ifindex, 3);
	assert_int_equal(link->flags, IFF_UP | IFF_BROADCAST);
	assert_int_equal(link->type, ARPHRD_ETHER);
	assert_int_equal(link->mtu, 1420);
	assert_int_equal(link->master, 7);
	assert_string_equal(link->kind, "bridge");
	assert_memory_equal(&link->mac, "\2\0\0\0\0\3", 6);

	assert_ptr_equal(interface_by_index(&table, 3), &table.links[0]);
	assert_null(interface_by_index(&table, 4));
	assert_ptr_equal(interface_by_name(&table, "exactly-fifteen"), &table.links[0]);
	assert_null(interface_by_name(&table, "exactly-fiftee"));
	assert_null(interface_by_name(&table, "exactly-fifteen-"));
	assert_null(interface_by_name(&table, ""));
}

static void test_bad_link(void **state)
{
	cleanup_interfaces struct interfaces table = { 0 };
	cleanup_nl_msg *nameless = link_message(NULL, 0);
	cleanup_nl_msg *long_name = link_message("exactly-sixteen-", 17);
	cleanup_nl_msg *unended = link_message("exactly-sixteen-", 16);
	cleanup_nl_msg *other = link_message("eth0", 5);

	assert_int_equal(interface_add_link(nlmsg_hdr(nameless), &table), -EBADMSG);
	assert_int_equal(interface_add_link(nlmsg_hdr(long_name), &table), -EBADMSG);
	assert_int_equal(interface_add_link(nlmsg_hdr(unended), &table), -EBADMSG);
	nlmsg_hdr(other)->nlmsg_type = RTM_DELLINK;
	assert_int_equal(interface_add_link(nlmsg_hdr(other), &table), 0);
	assert_int_equal(table.link_count, 0);
}

static struct nl_msg *address_message(unsigned char family, unsigned char length, uint32_t peer)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWADDR, NLM_F_MULTI);
	struct ifaddrmsg info = { .ifa_family = family,
				  .ifa_prefixlen = length,
				  .ifa_index = 3,
				  .ifa_scope = RT_SCOPE_UNIVERSE };

	nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
	nla_put_u32(msg, IFA_ADDRESS, htonl(peer));
	nla_put_u32(msg, IFA_LOCAL, htonl(ADDRESS));
	nla_put_u32(msg, IFA_FLAGS, IFA_F_PERMANENT | IFA_F_SECONDARY);
	return msg;
}

static void test_address(void **state)
{
	cleanup_interfaces struct interfaces table = { 0 };
	cleanup_nl_msg *plain = address_message(AF_INET, 24, ADDRESS);
	cleanup_nl_msg *peer = address_message(AF_INET, 32, ROUTER);
	cleanup_nl_msg *inet6 = address_message(AF_INET6, 64, ADDRESS);
	cleanup_nl_msg *too_long = address_message(AF_INET, 33, ADDRESS);

	assert_int_equal(interface_add_address(nlmsg_hdr(plain), &table), 0);
	assert_int_equal(interface_add_address(nlmsg_hdr(peer), &table), 0);
	assert_int_equal(interface_add_address(nlmsg_hdr(inet6), &table), 0);
	assert_int_equal(interface_add_address(nlmsg_hdr(too_long), &table), -EBADMSG);
	assert_int_equal(table.address_count, 2);
	assert_int_equal(table.addresses[0].ifindex, 3);
	assert_int_equal(ntohl(table.addresses[0].prefix.address.s_addr), ADDRESS);
	assert_int_equal(table.addresses[0].prefix.length, 24);
	assert_int_equal(table.addresses[0].flags, IFA_F_PERMANENT | IFA_F_SECONDARY);
	assert_false(table.addresses[0].peer);
	assert_true(table.addresses[1].peer);
}

static struct nl_msg *route_message(struct rtmsg info)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWROUTE, NLM_F_MULTI);

	info.rtm_family = AF_INET;
	info.rtm_scope = RT_SCOPE_UNIVERSE;
	nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
	nla_put_u32(msg, RTA_PRIORITY, 600);
	return msg;
}

static struct nl_msg *plain_route(struct rtmsg info)
{
	struct nl_msg *msg = route_message(info);

	nla_put_u32(msg, RTA_OIF, 3);
	nla_put_u32(msg, RTA_GATEWAY, htonl(ROUTER));
	return msg;
}

static void test_route(void **state)
{
	cleanup_interfaces struct interfaces table = { 0 };
	struct rtmsg info = { .rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_UNICAST };
	cleanup_nl_msg *plain = plain_route(info), *object = route_message(info);
	cleanup_nl_msg *nowhere = route_message(info);

	assert_int_equal(route_add(nlmsg_hdr(plain), &table), 0);
	nla_put_u32(object, RTA_NH_ID, 42);
	assert_int_equal(route_add(nlmsg_hdr(object), &table), 0);
	assert_int_equal(route_add(nlmsg_hdr(nowhere), &table), -EBADMSG);
	assert_int_equal(table.route_count, 2);
	assert_int_equal(table.routes[0].ifindex, 3);
	assert_int_equal(ntohl(table.routes[0].router.s_addr), ROUTER);
	assert_int_equal(table.routes[0].metric, 600);
	assert_int_equal(table.routes[1].ifindex, 0);
	assert_int_equal(table.routes[1].nexthop, 42);
}

/* None of these is a default route of the main table for packets of any source and TOS. */
static void test_other_routes(void **state)
{
	static const struct rtmsg others[] = {
		{ .rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_UNICAST, .rtm_dst_len = 1 },
		{ .rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_UNICAST, .rtm_src_len = 8 },
		{ .rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_UNICAST, .rtm_tos = 8 },
		{ .rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_UNREACHABLE },
		{ .rtm_table = RT_TABLE_LOCAL, .rtm_type = RTN_UNICAST },
		{ .rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_UNICAST, .rtm_flags = RTNH_F_DEAD },
	};
	cleanup_interfaces struct interfaces table = { 0 };
	cleanup_nl_msg *tabled = plain_route(
		(struct rtmsg){ .rtm_table = RT_TABLE_COMPAT, .rtm_type = RTN_UNICAST });

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		cleanup_nl_msg *msg = plain_route(others[i]);

		assert_int_equal(route_add(nlmsg_hdr(msg), &table), 0);
	}
	nla_put_u32(tabled, RTA_TABLE, 51820);
	assert_int_equal(route_add(nlmsg_hdr(tabled), &table), 0);
	assert_int_equal(table.route_count, 0);
}

static struct nl_msg *multipath_message(unsigned short second_length)
{
	struct rtmsg info = { .rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_UNICAST };
	struct nl_msg *msg = route_message(info);
	struct {
		struct rtnexthop hop;
		struct nlattr attr;
		uint32_t gateway;
	} hops[3];

	memset(hops, 0, sizeof(hops));
	for (int i = 0; i < 3; i++) {
		hops[i].hop.rtnh_len = sizeof(hops[i]);
		hops[i].hop.rtnh_ifindex = 3 + i;
		hops[i].attr.nla_type = RTA_GATEWAY;
		hops[i].attr.nla_len = NLA_HDRLEN + sizeof(uint32_t);
		hops[i].gateway = htonl(ROUTER + (uint32_t)i);
	}
	hops[1].hop.rtnh_len = second_length;
	hops[2].hop.rtnh_flags = RTNH_F_DEAD;
	nla_put(msg, RTA_MULTIPATH, sizeof(hops), hops);
	return msg;
}

static void test_multipath(void **state)
{
	static const unsigned short bad_lengths[] = { 0, 1, 7, 33, 0xffff };
	cleanup_interfaces struct interfaces table = { 0 };
	cleanup_nl_msg *msg = multipath_message(16);

	assert_int_equal(route_add(nlmsg_hdr(msg), &table), 0);
	assert_int_equal(table.route_count, 2);
	assert_int_equal(table.routes[0].ifindex, 3);
	assert_int_equal(table.routes[1].ifindex, 4);
	assert_int_equal(ntohl(table.routes[1].router.s_addr), ROUTER + 1);
	assert_int_equal(table.routes[1].metric, 600);

	for (size_t i = 0; i < sizeof(bad_lengths) / sizeof(bad_lengths[0]); i++) {
		cleanup_nl_msg *bad = multipath_message(bad_lengths[i]);

		assert_int_equal(route_add(nlmsg_hdr(bad), &table), -EBADMSG);
	}
}

static void parse_any(struct nlmsghdr *header)
{
	cleanup_interfaces struct interfaces table = { 0 };

	interface_add_link(header, &table);
	interface_add_address(header, &table);
	route_add(header, &table);
	if (table.link_count) {
		assert_non_null(memchr(table.links[0].ifname, 0, IFNAMSIZ));
		assert_non_null(memchr(table.links[0].kind, 0, KIND_SIZE));
	}
}

static void test_hostile(void **state)
{
	struct rtmsg info = { .rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_UNICAST };
	cleanup_nl_msg *link = link_message("eth0", 5);
	cleanup_nl_msg *address = address_message(AF_INET, 24, ADDRESS);
	cleanup_nl_msg *route = plain_route(info);
	cleanup_nl_msg *multipath = multipath_message(16);

	hostile_feed(link, parse_any);
	hostile_feed(address, parse_any);
	hostile_feed(route, parse_any);
	hostile_feed(multipath, parse_any);
}

static void test_grow(void **state)
{
	int *array = NULL;

	for (size_t i = 0; i < 1000; i++) {
		array = interface_grow(array, i, sizeof(*array));
		assert_non_null(array);
		array[i] = (int)i;
	}
	for (int i = 0; i < 1000; i++)
		assert_int_equal(array[i], i);
	free(array);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_link),         cmocka_unit_test(test_bad_link),
		cmocka_unit_test(test_address),      cmocka_unit_test(test_route),
		cmocka_unit_test(test_other_routes), cmocka_unit_test(test_multipath),
		cmocka_unit_test(test_hostile),      cmocka_unit_test(test_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
