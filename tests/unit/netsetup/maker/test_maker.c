// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the checks of the process that has the capabilities, and its conversation.
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "netsetup/kernel/sysctl.h"
#include "netsetup/maker/change.h"
#include "tests/unit/support/namespace.h"

static struct error err;

static int execute(struct maker_request request, int fds[MAKER_FDS_MAX])
{
	struct nl_sock *route = NULL;
	uint32_t ifindex = 0;
	int ret;

	assert_int_equal(netlink_open(NETLINK_ROUTE, &route, &err), 0);
	ret = maker_execute(route, &request, &ifindex, fds, &err);
	nl_socket_free(route);
	return ret < 0 ? ret : (int)ifindex;
}

static int make(struct maker_request request)
{
	int fds[MAKER_FDS_MAX];
	const int ret = execute(request, fds);

	for (size_t i = 0; i < MAKER_FDS_MAX; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return ret;
}

static struct in_addr address(void)
{
	return (struct in_addr){ htonl(0xc0a80764) };
}

static int key_of(const char *tree, const char *key)
{
	return maker_sysctl_key(&(struct sysctl){ tree, "e0", key });
}

/* Requests that no VM needs. */
static void refusals(void)
{
	const uint32_t lo = if_nametoindex("lo"), uplink = if_nametoindex("e0");
	struct maker_request tap = { .type = MAKER_TAP_ADD, .number = 1, .ifname = "vmr-x" };
	uint32_t ours, foreign;
	int fds[MAKER_FDS_MAX];

	ours = (uint32_t)execute(tap, fds);
	assert_int_equal(ours, if_nametoindex("vmr-x"));
	assert_int_equal(namespace_run("ip tuntap add tun0 mode tap"), 0);
	foreign = if_nametoindex("tun0");

	assert_int_equal(make((struct maker_request){ .type = MAKER_TABLE_DELETE + 1 }), -EPERM);
	assert_int_equal(make((struct maker_request){ .type = UINT32_MAX }), -EPERM);

	/* A tap of another name, a queue too many, one that exists. */
	strcpy(tap.ifname, "eth0");
	assert_int_equal(make(tap), -EPERM);
	strcpy(tap.ifname, "vmr-/");
	assert_int_equal(make(tap), -EPERM);
	strcpy(tap.ifname, "vmr-y");
	tap.number = 9;
	assert_int_equal(make(tap), -EPERM);
	tap.number = 1;
	strcpy(tap.ifname, "vmr-x");
	assert_int_equal(make(tap), -EBUSY);

	/* Other interfaces than our taps. */
	for (enum maker_type type = MAKER_LINK_UP; type <= MAKER_DHCP_SOCKET; type++) {
		if (type != MAKER_LINK_UP && type != MAKER_LINK_DELETE && type != MAKER_FILTER &&
		    type != MAKER_ROUTE_ADD && type != MAKER_ROUTE_DELETE &&
		    type != MAKER_DHCP_SOCKET)
			continue;
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(make((struct maker_request){
						 .type = type,
						 .ifindex = (uint32_t[]){ lo, uplink, foreign }[i],
						 .number = type == MAKER_LINK_UP ? 1500 : 0,
						 .address = address() }),
					 -EPERM);
	}

	/* Uplinks that are none. */
	for (size_t i = 0; i < 2; i++) {
		const uint32_t ifindex = (uint32_t[]){ lo, ours }[i];

		assert_int_equal(make((struct maker_request){ .type = MAKER_PROXY_ADD,
							      .ifindex = ifindex,
							      .address = address() }),
				 -EPERM);
		assert_int_equal(make((struct maker_request){ .type = MAKER_ARP_SOCKET,
							      .ifindex = ifindex }),
				 -EPERM);
	}
	assert_int_equal(make((struct maker_request){ .type = MAKER_PROXY_DELETE,
						      .ifindex = ours,
						      .address = address() }),
			 -EPERM);

	/* Addresses and values. */
	assert_int_equal(make((struct maker_request){ .type = MAKER_PROXY_ADD, .ifindex = uplink }),
			 -EPERM);
	assert_int_equal(
		make((struct maker_request){ .type = MAKER_SYSCTL, .ifindex = uplink, .key = 6 }),
		-EPERM);
	assert_int_equal(make((struct maker_request){
				 .type = MAKER_SYSCTL, .ifindex = uplink, .number = -1 }),
			 -EPERM);
	assert_int_equal(make((struct maker_request){ .type = MAKER_SYSCTL, .ifindex = lo }),
			 -EPERM);
	assert_int_equal(key_of("ipv4/conf", "accept_redirects"), -1);
	assert_int_equal(key_of("ipv6/conf", "forwarding"), -1);

	/* An interface that is gone needs no undoing; nothing else can be done with it. */
	assert_int_equal(make((struct maker_request){ .type = MAKER_LINK_DELETE, .ifindex = 999 }),
			 0);
	assert_int_equal(make((struct maker_request){ .type = MAKER_ARP_SOCKET, .ifindex = 999 }),
			 -ENODEV);
	close(fds[0]);
}

static void test_refusals(void **state)
{
	namespace_test(refusals);
}

static int make_rule(enum maker_type type, enum maker_rule key, uint32_t ifindex, int32_t number)
{
	struct maker_request request = { .type = type,
					 .key = key,
					 .ifindex = ifindex,
					 .tap_ifindex = ifindex,
					 .number = number };

	if (key == MAKER_RULE_GUEST || key == MAKER_RULE_SOURCE)
		request.address = address();
	else
		if_indextoname(ifindex, request.ifname);
	return make(request);
}

#define RULES(count) "[ $(ip rule show | grep -c '^11[4-8]:.*proto 118') = " #count " ]"

/* Rules of our protocol and preferences, for our taps and uplinks only. */
static void rules(void)
{
	const uint32_t lo = if_nametoindex("lo"), uplink = if_nametoindex("e0");
	struct maker_request tap = { .type = MAKER_TAP_ADD, .number = 1, .ifname = "vmr-x" };
	uint32_t ours, foreign;
	int fds[MAKER_FDS_MAX];

	ours = (uint32_t)execute(tap, fds);
	assert_int_equal(namespace_run("ip tuntap add tun0 mode tap"), 0);
	foreign = if_nametoindex("tun0");

	assert_int_equal(make_rule(MAKER_RULE_ADD, MAKER_RULES, ours, 115), -EPERM);
	assert_int_equal(make_rule(MAKER_RULE_ADD, MAKER_RULE_STOP, ours, 0), -EPERM);
	assert_int_equal(make_rule(MAKER_RULE_ADD, MAKER_RULE_STOP, ours, 119), -EPERM);
	assert_int_equal(make_rule(MAKER_RULE_DELETE, MAKER_RULES, ours, 115), -EPERM);
	assert_int_equal(make_rule(MAKER_RULE_DELETE, MAKER_RULE_STOP, ours, 119), -EPERM);
	for (unsigned int key = 0; key < MAKER_RULES; key++) {
		const enum maker_rule rule = (enum maker_rule)key;
		const bool both = rule == MAKER_RULE_LOCAL || rule == MAKER_RULE_STOP;

		assert_int_equal(make_rule(MAKER_RULE_ADD, rule, lo, 118), -EPERM);
		assert_int_equal(make_rule(MAKER_RULE_ADD, rule, foreign, 118), -EPERM);
		assert_int_equal(make_rule(MAKER_RULE_ADD, rule, uplink, 118), both ? 0 : -EPERM);
		if (both)
			assert_int_equal(make_rule(MAKER_RULE_DELETE, rule, uplink, 118), 0);
		assert_int_equal(make_rule(MAKER_RULE_ADD, rule, ours, 114 + (int32_t)key), 0);
		/* A rule that is there is none too many. */
		assert_int_equal(make_rule(MAKER_RULE_ADD, rule, ours, 114 + (int32_t)key), 0);
	}
	assert_int_equal(make((struct maker_request){ .type = MAKER_RULE_ADD,
						      .key = MAKER_RULE_GUEST,
						      .ifindex = ours,
						      .number = 115 }),
			 -EPERM);
	assert_int_equal(namespace_run(RULES(5)), 0);

	/* The tap goes, its rules stay until they are deleted. Those of others stay for good. */
	close(fds[0]);
	assert_int_equal(namespace_run("ip rule add pref 117 iif vmr-x unreachable && " RULES(5)),
			 0);
	for (unsigned int key = 0; key < MAKER_RULES; key++) {
		struct maker_request request = { .type = MAKER_RULE_DELETE,
						 .key = key,
						 .tap_ifindex = ours,
						 .number = 114 + (int32_t)key };

		if (key == MAKER_RULE_GUEST || key == MAKER_RULE_SOURCE)
			request.address = address();
		else
			strcpy(request.ifname, "vmr-x");
		assert_int_equal(make(request), 0);
		request.number = 117;
		assert_int_equal(make(request), 0);
	}
	assert_int_equal(namespace_run(RULES(0) " && ip rule show pref 117 | grep -q vmr-x"), 0);
}

static void test_rules(void **state)
{
	namespace_test(rules);
}

static struct maker_request table_request(enum maker_type type, uint32_t ifindex, const char *to,
					  int32_t length)
{
	struct maker_request request = {
		.type = type, .ifindex = ifindex, .tap_ifindex = 77, .number = length
	};

	assert_int_equal(inet_pton(AF_INET, to, &request.address), 1);
	return request;
}

/* Routes of our tables only. */
static void tables(void)
{
	const uint32_t lo = if_nametoindex("lo"), uplink = if_nametoindex("e0");
	struct maker_request route = table_request(MAKER_TABLE_ADD, uplink, "0.0.0.0", 0);

	assert_int_equal(make(table_request(MAKER_TABLE_ADD, lo, "10.0.0.0", 8)), -EPERM);
	assert_int_equal(make(table_request(MAKER_TABLE_ADD, uplink, "10.0.0.0", 33)), -EPERM);
	route.tap_ifindex = UINT32_MAX;
	assert_int_equal(make(route), -EPERM);
	route.tap_ifindex = 77;
	assert_int_equal(inet_pton(AF_INET, "172.31.0.1", &route.router), 1);
	assert_int_equal(make(route), 0);
	assert_int_equal(make(table_request(MAKER_TABLE_ADD, uplink, "10.0.0.0", 8)), 0);
	assert_int_equal(namespace_run("set -e; ip route show table 118000077 | "
				       "grep -q '^default via 172.31.0.1 dev e0 proto 118 onlink'; "
				       "ip route show table 118000077 | "
				       "grep -q '^10.0.0.0/8 dev e0 proto 118 scope link'; "
				       "ip route add 10.9.0.0/16 dev e0 table 118000077"),
			 0);
	route.type = MAKER_TABLE_DELETE;
	assert_int_equal(make(route), 0);
	assert_int_equal(make(route), 0);
	assert_int_equal(make(table_request(MAKER_TABLE_DELETE, uplink, "10.0.0.0", 8)), 0);
	/* Of another program. */
	assert_int_equal(make(table_request(MAKER_TABLE_DELETE, uplink, "10.9.0.0", 16)), 0);
	assert_int_equal(namespace_run("[ \"$(ip route show table 118000077 | cut -d' ' -f1)\" = "
				       "10.9.0.0/16 ]"),
			 0);
	assert_int_equal(make(table_request(MAKER_TABLE_DELETE, 999, "10.9.0.0", 16)), 0);
}

static void test_tables(void **state)
{
	namespace_test(tables);
}

static void *run_maker(void *socket)
{
	static struct error unused;

	assert_int_equal(maker_run(*(int *)socket, &unused), 0);
	return NULL;
}

/* The tap's descriptors and an error pass the socket as they are. */
static void conversation(void)
{
	const struct maker_request tap = { .type = MAKER_TAP_ADD, .number = 2, .ifname = "vmr-x" };
	int sockets[2], fds[MAKER_FDS_MAX];
	uint32_t ifindex;
	pthread_t thread;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets), 0);
	assert_int_equal(pthread_create(&thread, NULL, run_maker, &sockets[1]), 0);

	assert_int_equal(maker_call(sockets[0], &tap, &ifindex, fds, &err), 0);
	assert_int_equal(ifindex, if_nametoindex("vmr-x"));
	assert_true(fds[0] >= 0 && fds[1] >= 0 && fds[2] < 0);
	/* The maker has kept no descriptor: the tap goes with ours. */
	close(fds[0]);
	close(fds[1]);
	for (int i = 0; i < 200 && if_nametoindex("vmr-x"); i++)
		usleep(10000);
	assert_int_equal(if_nametoindex("vmr-x"), 0);

	assert_int_equal(
		maker_call(sockets[0], &(struct maker_request){ .type = 99 }, &ifindex, fds, &err),
		-EPERM);
	assert_string_equal(err.message, "the service requested what no VM needs");
	assert_int_equal(fds[0], -1);

	shutdown(sockets[0], SHUT_WR);
	pthread_join(thread, NULL);
	close(sockets[1]);
	assert_int_equal(maker_call(sockets[0], &tap, &ifindex, fds, &err) < 0, 1);
	close(sockets[0]);
}

static void test_conversation(void **state)
{
	namespace_test(conversation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_conversation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
