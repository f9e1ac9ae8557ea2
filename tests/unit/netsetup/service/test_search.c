// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the search for an address: its batches, owners, hints and the policy.
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/service/search.h"
#include "tests/unit/support/namespace.h"

static struct attach_record attach;
static struct uplink_facts uplink;
static struct authorization authorization;
static struct known_hosts hosts;
static struct address_set in_use;
static struct search_context context;
static struct search search;
static struct error err;

static struct in_addr address(const char *text)
{
	struct in_addr parsed;

	assert_true(ipv4_parse(text, &parsed));
	return parsed;
}

static int setup(void **state)
{
	protocol_record_init(&attach, RECORD_ATTACH);
	memset(attach.uuid, 7, sizeof(attach.uuid));
	uplink = (struct uplink_facts){ .ifname = "e0",
					.ifindex = 2,
					.prefix = { address("192.168.7.5"), 24 },
					.router = address("192.168.7.1") };
	context = (struct search_context){ .attach = &attach,
					   .uplink = &uplink,
					   .request = { .uplink = "e0" },
					   .hosts = &hosts,
					   .in_use = &in_use };
	address_set_add(&hosts.local, address("192.168.7.5"));
	return 0;
}

static int teardown(void **state)
{
	known_hosts_done(&hosts);
	address_set_done(&in_use);
	nl_socket_free(context.route);
	return 0;
}

/* The client is user 4242, with these rules. The kernel looks up routes: only in a namespace. */
static void permit(const char *rules)
{
	static struct policy policy;

	assert_int_equal(policy_parse(rules, strlen(rules), "conf", &policy, &err), 0);
	memset(&authorization, 0, sizeof(authorization));
	authorization.uid = 4242;
	authorization.path = "conf";
	strcpy(authorization.name, "alice");
	authorize_select(&authorization, &policy, NULL, 0);
	context.authorization = &authorization;
	uplink.ifindex = if_nametoindex("e0");
	if (!context.route)
		assert_int_equal(netlink_open(NETLINK_ROUTE, &context.route, &err), 0);
}

static void begin(void)
{
	if (search_begin(&search, &context, &err) < 0)
		fail_msg("%s", err.message);
}

#define assert_fails(ret, text)                                               \
	do {                                                                  \
		assert_int_equal(search_begin(&search, &context, &err), ret); \
		assert_string_equal(err.message, text);                       \
	} while (0)

/* Another host answers for the whole batch. */
static void take_all(void)
{
	for (size_t i = 0; i < search.batch_size; i++) {
		search.batch[i].taken = 1;
		search.batch[i].mac = (struct ether_addr){ { 2, 0, 0, 0, 0, 9 } };
	}
}

static bool in_batch(const char *text)
{
	for (size_t i = 0; i < search.batch_size; i++)
		if (ipv4_equal(search.batch[i].address, address(text)))
			return true;
	return false;
}

/* Walks through all batches; returns true if this address is in one of them. */
static bool is_candidate(const char *text)
{
	struct in_addr found;
	bool seen;

	if (search_begin(&search, &context, &err) < 0)
		return false;
	do {
		seen = in_batch(text);
		take_all();
	} while (!seen && search_continue(&search, &context, &found, &err) == 0);
	return seen;
}

/* Batches grow to a bound, and no address comes twice. */
static void test_batches(void **state)
{
	static const size_t sizes[] = { 1, 4, 16, 64, 128, 128, 128, 128, 128, 128, 128, 128 };
	struct address_set seen = { 0 };
	struct in_addr found;
	size_t total = 0;

	uplink.prefix.length = 16;
	begin();
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		assert_int_equal(search.batch_size, sizes[i]);
		assert_int_equal(search.kind, PROBE_OF_NEW);
		for (size_t j = 0; j < search.batch_size; j++) {
			assert_true(ipv4_prefix_host(&uplink.prefix, search.batch[j].address));
			assert_int_equal(search.batch[j].taken, 0);
			assert_false(address_set_has(&seen, search.batch[j].address));
			address_set_add(&seen, search.batch[j].address);
		}
		total += sizes[i];
		take_all();
		assert_int_equal(search_continue(&search, &context, &found, &err),
				 i + 1 < ARRAY_SIZE(sizes) ? 0 : -EADDRNOTAVAIL);
	}
	assert_string_equal(err.message, "no free address in 192.168.0.0/16 on 'e0': 1109 probed, "
					 "all in use");
	assert_int_equal(seen.count, total);
	address_set_done(&seen);
}

/* Some take .0 and .255 for a network's, whatever its size. Only a user's range has them. */
static void test_looks_like_broadcast(void **state)
{
	uplink.prefix = (struct prefix){ address("10.1.4.5"), 22 };
	assert_false(is_candidate("10.1.4.255"));
	assert_false(is_candidate("10.1.5.0"));
	assert_true(is_candidate("10.1.5.254"));
	attach.range_first = address("10.1.4.254");
	attach.range_last = address("10.1.5.1");
	assert_true(is_candidate("10.1.4.255"));
	assert_true(is_candidate("10.1.5.0"));
}

/* The whole of a small subnet is tried, and then the search ends. */
static void test_small_subnet(void **state)
{
	struct in_addr found;

	uplink.prefix.length = 29;
	begin();
	assert_int_equal(search.batch_size, 1);
	take_all();
	assert_int_equal(search_continue(&search, &context, &found, &err), 0);
	assert_int_equal(search.batch_size, 3);
	take_all();
	assert_int_equal(search_continue(&search, &context, &found, &err), -EADDRNOTAVAIL);
	assert_string_equal(err.message,
			    "no free address in 192.168.7.0/29 on 'e0': 4 probed, all in use");
	attach.range_first = address("192.168.7.2");
	attach.range_last = address("192.168.7.3");
	begin();
	take_all();
	assert_int_equal(search_continue(&search, &context, &found, &err), 0);
	assert_int_equal(search.batch_size, 1);
	take_all();
	assert_int_equal(search_continue(&search, &context, &found, &err), -EADDRNOTAVAIL);
	assert_string_equal(err.message, "no free address from 192.168.7.2 to 192.168.7.3 in "
					 "192.168.7.0/29 on 'e0': 2 probed, all in use");
}

/* The first address that nobody uses is taken. */
static void test_first_free(void **state)
{
	struct in_addr found, expected;

	for (size_t free_one = 0; free_one < 4; free_one++) {
		begin();
		take_all();
		assert_int_equal(search_continue(&search, &context, &found, &err), 0);
		take_all();
		search.batch[free_one].taken = 0;
		search.batch[3].taken = 0;
		expected = search.batch[free_one].address;
		assert_int_equal(search_continue(&search, &context, &found, &err), 1);
		assert_true(ipv4_equal(found, expected));
	}
}

/* The order is the VM's own, and the same each time. */
static void test_order(void **state)
{
	struct in_addr first;

	begin();
	first = search.batch[0].address;
	begin();
	assert_true(ipv4_equal(search.batch[0].address, first));
	attach.uuid[0]++;
	begin();
	assert_false(ipv4_equal(search.batch[0].address, first));
}

static void remember(const char *text)
{
	memset(attach.remembered, 0, sizeof(attach.remembered));
	attach.remembered[0] = address("10.0.0.7");
	attach.remembered[1] = address(text);
	attach.remembered[2] = address("192.168.7.98");
}

static bool remembered_is_first(void)
{
	begin();
	return search.batch_size == 1 && in_batch("192.168.7.99");
}

/* The latest address on this subnet is tried first, alone and quickly. */
static void test_remembered(void **state)
{
	struct in_addr found;

	remember("192.168.7.99");
	assert_true(remembered_is_first());
	assert_int_equal(search.kind, PROBE_OF_REMEMBERED);
	assert_int_equal(search_continue(&search, &context, &found, &err), 1);
	assert_true(ipv4_equal(found, address("192.168.7.99")));

	begin();
	take_all();
	assert_int_equal(search_continue(&search, &context, &found, &err), 0);
	assert_int_equal(search.kind, PROBE_OF_NEW);
	assert_int_equal(search.batch_size, 1);
	assert_false(in_batch("192.168.7.99"));

	attach.probe = PROBE_STRICT;
	assert_true(remembered_is_first());
	assert_int_equal(search.kind, PROBE_OF_STRICT);
	take_all();
	assert_int_equal(search_continue(&search, &context, &found, &err), 0);
	assert_int_equal(search.kind, PROBE_OF_STRICT);
	attach.probe = PROBE_NORMAL;

	/* A fixed address is quick if it is the one of the last time. */
	attach.address = address("192.168.7.99");
	assert_int_equal(netlink_open(NETLINK_ROUTE, &context.route, &err), 0);
	begin();
	assert_int_equal(search.kind, PROBE_OF_REMEMBERED);
	attach.address = address("192.168.7.98");
	begin();
	assert_int_equal(search.kind, PROBE_OF_NEW);
}

/* Networks with the same numbers: the router decides which address is the one of this network. */
static void test_remembered_network(void **state)
{
	remember("192.168.7.97");
	attach.remembered[3] = address("192.168.7.99");
	attach.remembered_routers[1] = (struct ether_addr){ { 2, 0, 0, 0, 0, 1 } };
	attach.remembered_routers[3] = (struct ether_addr){ { 2, 0, 0, 0, 0, 3 } };
	assert_true(search_needs_router(&context));
	assert_false(remembered_is_first());
	assert_true(in_batch("192.168.7.97"));
	assert_int_equal(search.kind, PROBE_OF_REMEMBERED);

	context.router_mac = attach.remembered_routers[3];
	assert_false(search_needs_router(&context));
	assert_true(remembered_is_first());
	assert_int_equal(search.kind, PROBE_OF_REMEMBERED);
	/* An unknown network may be this one. */
	context.router_mac.ether_addr_octet[5] = 9;
	begin();
	assert_true(in_batch("192.168.7.98"));
	assert_int_equal(search.kind, PROBE_OF_REMEMBERED);
	/* The others are not: what was free there proves nothing here. */
	attach.remembered_routers[2] = (struct ether_addr){ { 2, 0, 0, 0, 0, 2 } };
	begin();
	assert_true(in_batch("192.168.7.97"));
	assert_int_equal(search.kind, PROBE_OF_NEW);

	/* Nobody need ask for the router where it decides nothing. */
	context.router_mac = (struct ether_addr){ 0 };
	attach.address = address("192.168.7.9");
	assert_false(search_needs_router(&context));
	attach.address.s_addr = INADDR_ANY;
	uplink.router.s_addr = INADDR_ANY;
	assert_false(search_needs_router(&context));
	uplink.router = address("192.168.7.1");
	attach.dry_run = 1;
	assert_false(search_needs_router(&context));
	attach.dry_run = 0;
	remember("192.168.7.98");
	assert_true(search_needs_router(&context));
	memset(attach.remembered_routers, 0, sizeof(attach.remembered_routers));
	assert_false(search_needs_router(&context));
}

/* A remembered address that is no longer right is not tried. */
static void test_remembered_unusable(void **state)
{
	remember("192.168.7.99");
	attach.range_first = address("192.168.7.40");
	attach.range_last = address("192.168.7.98");
	assert_false(remembered_is_first());
	attach.range_last = address("192.168.7.99");
	assert_true(remembered_is_first());
	attach.range_first.s_addr = attach.range_last.s_addr = INADDR_ANY;

	address_set_add(&in_use, address("192.168.7.99"));
	assert_false(remembered_is_first());
	address_set_done(&in_use);
	address_set_add(&hosts.foreign, address("192.168.7.99"));
	assert_false(remembered_is_first());
	address_set_done(&hosts.foreign);
	attach.avoided[0] = address("192.168.7.99");
	assert_false(remembered_is_first());
	attach.avoided[0].s_addr = INADDR_ANY;
	uplink.router = address("192.168.7.99");
	assert_false(remembered_is_first());
	uplink.router = address("192.168.7.1");
	assert_true(remembered_is_first());
	/* The network and broadcast addresses are no host's. */
	remember("192.168.7.255");
	begin();
	assert_true(in_batch("192.168.7.98"));
}

/*
 * A neighbour is what this host knows of a VM's own last time, so the hint of root's client counts.
 * The word of another client proves nothing.
 */
static void remembered_neighbour(void)
{
	remember("192.168.7.99");
	address_set_add(&hosts.neighbours, address("192.168.7.99"));
	assert_true(remembered_is_first());
	permit("allow user 4242");
	assert_false(remembered_is_first());
	assert_false(is_candidate("192.168.7.99"));
	permit("allow user 4242 address 192.168.7.40-192.168.7.99");
	address_set_done(&hosts.neighbours);
	assert_true(remembered_is_first());
	permit("allow user 4242 address 192.168.7.40-192.168.7.98");
	assert_false(remembered_is_first());
}

static void test_remembered_neighbour(void **state)
{
	namespace_test(remembered_neighbour);
}

/* The owners of addresses that no VM gets, and how they are named. */
static void test_owners(void **state)
{
	const struct {
		struct address_set *set;
		const char *owner;
	} rows[] = {
		{ &hosts.local, "this host's" },
		{ &hosts.next_hops, "the router's" },
		{ &hosts.resolvers, "a DNS server's" },
		{ &hosts.permanent, "a permanent neighbour's" },
	};
	char message[64];

	attach.range_first = address("192.168.7.20");
	attach.range_last = address("192.168.7.29");
	remember("192.168.7.24");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		attach.address.s_addr = INADDR_ANY;
		assert_true(is_candidate("192.168.7.24"));
		address_set_add(rows[i].set, address("192.168.7.24"));
		assert_false(is_candidate("192.168.7.24"));
		attach.address = address("192.168.7.24");
		snprintf(message, sizeof(message), "address 192.168.7.24 is %s", rows[i].owner);
		assert_fails(-EADDRINUSE, message);
		address_set_done(rows[i].set);
	}
	attach.avoided[AVOIDED_MAX - 1] = address("192.168.7.24");
	assert_fails(-EADDRINUSE, "address 192.168.7.24 is another machine's");
	attach.avoided[AVOIDED_MAX - 1].s_addr = INADDR_ANY;
	uplink.router = address("192.168.7.24");
	assert_fails(-EADDRINUSE, "address 192.168.7.24 is the router's");
	attach.address.s_addr = INADDR_ANY;
	assert_false(is_candidate("192.168.7.24"));
}

/* An address that was only seen, or that another VM has, is no candidate. */
static void test_seen(void **state)
{
	struct address_set *const sets[] = { &hosts.neighbours, &hosts.foreign, &in_use };

	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		assert_true(is_candidate("192.168.7.24"));
		address_set_add(sets[i], address("192.168.7.24"));
		assert_false(is_candidate("192.168.7.24"));
		address_set_done(sets[i]);
	}
}

/* All but one of a small subnet are taken. The order of the candidates does not matter. */
static void test_last_free(void **state)
{
	struct in_addr found;

	uplink.prefix = (struct prefix){ address("192.168.7.1"), 29 };
	uplink.router = address("192.168.7.2");
	address_set_add(&hosts.local, address("192.168.7.1"));
	address_set_add(&hosts.neighbours, address("192.168.7.3"));
	address_set_add(&in_use, address("192.168.7.4"));
	for (uint8_t i = 0; i < 16; i++) {
		memset(attach.uuid, i, sizeof(attach.uuid));
		begin();
		assert_int_equal(search.batch_size, 1);
		assert_true(in_batch("192.168.7.6"));
		assert_int_equal(search_continue(&search, &context, &found, &err), 1);
	}
	address_set_add(&in_use, address("192.168.7.6"));
	assert_fails(-EADDRNOTAVAIL,
		     "no free address in 192.168.7.0/29 on 'e0': 0 probed, all in use");
}

static void policy(void)
{
	struct in_addr found;

	permit("allow user 4242 address 192.168.7.40-192.168.7.41\n"
	       "allow user 4242 address 192.168.7.50");
	assert_true(is_candidate("192.168.7.40") && is_candidate("192.168.7.41") &&
		    is_candidate("192.168.7.50"));
	assert_false(is_candidate("192.168.7.42"));
	begin();
	assert_int_equal(search_continue(&search, &context, &found, &err), 1);

	/* Those between the two rules are not permitted. */
	attach.range_first = address("192.168.7.41");
	attach.range_last = address("192.168.7.50");
	assert_true(is_candidate("192.168.7.41") && is_candidate("192.168.7.50"));
	assert_false(is_candidate("192.168.7.42"));
	attach.range_first = address("192.168.7.42");
	attach.range_last = address("192.168.7.49");
	assert_fails(-EACCES, "user 'alice' is not permitted to use any address of the range in "
			      "192.168.7.0/24 on 'e0'");
	attach.range_first = address("192.168.7.60");
	attach.range_last = address("192.168.7.69");
	assert_fails(-EACCES, "user 'alice' is not permitted to use any address of the range in "
			      "192.168.7.0/24 on 'e0'");
	attach.range_first.s_addr = attach.range_last.s_addr = INADDR_ANY;
	permit("allow user 4242 address 10.0.0.1");
	assert_fails(-EACCES, "user 'alice' is not permitted to use any address in 192.168.7.0/24 "
			      "on 'e0'");
	assert_string_equal(err.remedy, "read the permitted addresses in 'conf'");
	context.request.named = true;
	assert_fails(-EACCES, "user 'alice' is not permitted to use uplink 'e0'");
}

static void test_policy(void **state)
{
	namespace_test(policy);
}

/*
 * A fixed address is checked like any other. One that a neighbour had takes the right to leave out
 * probes, because its host may be off for a moment.
 */
static void policy_fixed(void)
{
	permit("allow user 4242 address 192.168.7.40-192.168.7.41");
	attach.address = address("192.168.7.42");
	assert_fails(-EACCES, "user 'alice' is not permitted to use address 192.168.7.42 on 'e0'");
	attach.address = address("192.168.7.40");
	begin();
	assert_int_equal(search.batch_size, 1);
	take_all();
	assert_int_equal(search_continue(&search, &context, &(struct in_addr){ 0 }, &err),
			 -EADDRINUSE);
	assert_string_equal(err.message,
			    "address 192.168.7.40 is in use by 02:00:00:00:00:09 on 'e0'");

	address_set_add(&hosts.neighbours, address("192.168.7.40"));
	assert_fails(-EADDRINUSE,
		     "address 192.168.7.40 is a neighbour's: this host has its hardware address");
	permit("allow user 4242 address 192.168.7.40 unprobed");
	begin();
	context.authorization = NULL;
	begin();
	address_set_add(&in_use, address("192.168.7.40"));
	assert_fails(-EADDRINUSE, "address 192.168.7.40 is in use by another VM of this host");
}

static void test_policy_fixed(void **state)
{
	namespace_test(policy_fixed);
}

static void test_unprobed(void **state)
{
	assert_false(search_unprobed(&context));
	attach.probe = PROBE_STRICT;
	assert_false(search_unprobed(&context));
	attach.probe = PROBE_NONE;
	assert_true(search_unprobed(&context));
	attach.probe = PROBE_NORMAL;
	attach.dry_run = 1;
	assert_true(search_unprobed(&context));
}

/*
 * Nobody gets an address of a part of the subnet that the kernel reaches elsewhere, as by a VPN. A
 * user gets none either if that is the whole subnet.
 */
static void elsewhere(void)
{
	assert_int_equal(namespace_run("ip link add vpn type veth peer name vpn-p && "
				       "ip link set vpn up && ip link set vpn-p up && "
				       "ip route add 192.168.7.128/25 dev vpn"),
			 0);
	uplink.ifindex = if_nametoindex("e0");
	assert_int_equal(netlink_open(NETLINK_ROUTE, &context.route, &err), 0);
	remember("192.168.7.200");
	begin();
	assert_false(is_candidate("192.168.7.200"));
	assert_true(is_candidate("192.168.7.100"));
	assert_int_equal(namespace_run("ip route add 192.168.0.0/16 dev vpn table 52 && "
				       "ip rule add lookup 52"),
			 0);
	begin();
	assert_true(in_batch("192.168.7.200"));
	permit("allow user 4242");
	assert_false(is_candidate("192.168.7.100"));
	assert_int_equal(namespace_run("ip rule del lookup 52"), 0);
	assert_false(is_candidate("192.168.7.200"));
	assert_true(is_candidate("192.168.7.100"));
	attach.address = address("192.168.7.200");
	assert_fails(-EADDRINUSE,
		     "address 192.168.7.200 is reached by another interface than 'e0'");
	/* The VM's own tap. */
	context.tap_ifindex = if_nametoindex("vpn");
	begin();
	context.tap_ifindex = 0;
	attach.address = address("192.168.7.100");
	begin();
	/* Of another program, also for root. */
	context.authorization = NULL;
	assert_int_equal(namespace_run("ip neigh add proxy 192.168.7.100 dev e0"), 0);
	assert_int_equal(search_begin(&search, &context, &err), -EEXIST);
}

static void test_elsewhere(void **state)
{
	namespace_test(elsewhere);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_batches),
		TEST(test_small_subnet),
		TEST(test_first_free),
		TEST(test_order),
		TEST(test_remembered),
		TEST(test_remembered_network),
		TEST(test_looks_like_broadcast),
		TEST(test_remembered_unusable),
		TEST(test_remembered_neighbour),
		TEST(test_owners),
		TEST(test_seen),
		TEST(test_last_free),
		TEST(test_policy),
		TEST(test_policy_fixed),
		TEST(test_unprobed),
		TEST(test_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
