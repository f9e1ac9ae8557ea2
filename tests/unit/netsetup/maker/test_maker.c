// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the checks of the process that has the capabilities, and its conversation.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "netsetup/confine/capabilities.h"
#include "netsetup/confine/landlock.h"
#include "netsetup/confine/seccomp.h"
#include "netsetup/kernel/sysctl.h"
#include "netsetup/maker/change.h"
#include "netsetup/maker/maker_call.h"
#include "netsetup/table/table.h"
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

	assert_int_equal(make((struct maker_request){ .type = MAKER_TAP_ROUTE_DELETE + 1 }),
			 -EPERM);
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
		if (type != MAKER_LINK_UP && type != MAKER_LINK_DOWN && type != MAKER_LINK_DELETE &&
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
	}
	/* A tap has a socket for its sources. */
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(make((struct maker_request){
					 .type = MAKER_ARP_SOCKET,
					 .ifindex = (uint32_t[]){ lo, foreign, ours }[i] }),
				 -EPERM);
	/* An uplink has one for the access point. */
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(
			make((struct maker_request){ .type = MAKER_FRAME_SOCKET,
						     .ifindex = (uint32_t[]){ lo, foreign }[i] }),
			-EPERM);
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

static struct maker_request vm_request(int owner, uint32_t uplink, uint32_t tap)
{
	return (struct maker_request){ .type = MAKER_TABLE_VM,
				       .ifindex = uplink,
				       .tap_ifindex = tap,
				       .mac = { { 0x52, 0x54, 0, 0, 0, 9 } },
				       .address = address(),
				       .number = TABLE_BRIDGED,
				       .owner = owner };
}

/* Uplinks that are none, for each request that concerns a table. */
static void refuse_uplinks(int owner, uint32_t tap, uint32_t gate)
{
	const uint32_t none[] = { if_nametoindex("lo"), tap, gate };

	for (size_t i = 0; i < 3; i++) {
		struct maker_request request = vm_request(owner, none[i], tap);

		for (uint32_t type = MAKER_TABLE_OPEN; type <= MAKER_TABLE_DUMP; type++) {
			request.type = type;
			request.number = 0;
			assert_int_equal(make(request), -EPERM);
		}
	}
}

/* Descriptors that are no socket of nf_tables, or one that owns nothing. */
static void refuse_sockets(const struct maker_request *right)
{
	const int none[] = { -1,
			     4711,
			     open("/dev/null", O_RDWR),
			     socket(AF_UNIX, SOCK_SEQPACKET, 0),
			     socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE),
			     socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER) };

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		struct maker_request request = *right;

		request.owner = none[i];
		assert_int_equal(make(request), -EPERM);
		request.number = 0;
		request.type = MAKER_TABLE_BRIDGE;
		/* Any socket of nf_tables gets as far as the gate, which is there. */
		assert_int_equal(make(request), i < 5 ? -EPERM : -EBUSY);
		for (uint32_t type = MAKER_TABLE_REFRESH; type <= MAKER_TABLE_DELETE; type++) {
			request.type = type;
			assert_int_equal(make(request), -EPERM);
		}
		request.type = MAKER_TABLE_DUMP;
		assert_int_equal(make(request), i < 5 ? -EPERM : 0);
		request.number = TABLE_COUNTED;
		assert_int_equal(make(request), -EPERM);
		if (none[i] >= 0)
			close(none[i]);
	}
}

static void refuse_vms(const struct maker_request *right, uint32_t foreign, uint32_t gate)
{
	static const struct ether_addr zero, group = { { 0x53, 0x54, 0, 0, 0, 9 } };
	struct maker_request request = *right;

	for (size_t i = 0; i < 4; i++) {
		request.tap_ifindex = (uint32_t[]){ if_nametoindex("lo"), right->ifindex, foreign,
						    gate }[i];
		assert_int_equal(make(request), -EPERM);
	}
	request.tap_ifindex = 4711;
	assert_int_equal(make(request), -ENODEV);
	request = *right;
	request.number = TABLE_BRIDGED + 1;
	assert_int_equal(make(request), -EPERM);
	request.number = -1;
	assert_int_equal(make(request), -EPERM);
	request = *right;
	request.address.s_addr = htonl(0x7f000001);
	assert_int_equal(make(request), -EPERM);
	/* The host's own. */
	request.address.s_addr = htonl(0xc0a80705);
	assert_int_equal(make(request), -EADDRINUSE);
	request = *right;
	request.mac = zero;
	assert_int_equal(make(request), -EPERM);
	request.mac = group;
	assert_int_equal(make(request), -EPERM);
}

/* The requests for an uplink's table, and those that no VM needs. */
static void tables(void)
{
	struct maker_request tap = { .type = MAKER_TAP_ADD, .number = 1, .ifname = "vmr-x" };
	const uint32_t uplink = if_nametoindex("e0");
	int table_fds[MAKER_FDS_MAX], fds[MAKER_FDS_MAX], tap_fds[MAKER_FDS_MAX];
	struct maker_request open_table = { .type = MAKER_TABLE_OPEN, .ifindex = uplink };
	struct maker_request request;
	uint32_t gate, ours;

	ours = (uint32_t)execute(tap, tap_fds);
	assert_int_equal(namespace_run("ip tuntap add tun0 mode tap"), 0);
	execute(open_table, table_fds);
	assert_true(table_fds[0] >= 0 && table_fds[1] < 0);
	/* Nothing is on the uplink for the sake of routed VMs. */
	assert_int_equal(namespace_run("! nft list table netdev vmrun-e0 | grep -q hook && "
				       "! ip -d link show e0 | grep -q 'allmulti 1'"),
			 0);
	request = (struct maker_request){ .type = MAKER_TABLE_BRIDGE,
					  .ifindex = uplink,
					  .owner = table_fds[0] };
	gate = (uint32_t)execute(request, fds);
	assert_true(fds[0] >= 0 && fds[1] >= 0 && fds[2] < 0);
	assert_int_equal(namespace_run("nft list table netdev vmrun-e0 >/dev/null && "
				       "ip -d link show e0 | grep -q 'allmulti 1'"),
			 0);
	/* The uplink has a table, and a gate. */
	assert_int_equal(make(open_table), -EPERM);
	assert_int_equal(make(request), -EBUSY);

	request = vm_request(table_fds[0], uplink, ours);
	refuse_uplinks(table_fds[0], ours, gate);
	refuse_sockets(&request);
	refuse_vms(&request, if_nametoindex("tun0"), gate);
	assert_int_equal(namespace_run("! nft list table netdev vmrun-e0 | grep -q tap_[0-9]"), 0);
	assert_int_equal(make(request), 0);
	assert_int_equal(make(request), 0);
	request.address.s_addr = INADDR_ANY;
	assert_int_equal(make(request), 0);

	/* Without the tap, and then without the uplink, there is nothing to undo. */
	close(tap_fds[0]);
	request.type = MAKER_TABLE_VM_DELETE;
	request.number = 0;
	assert_int_equal(make(request), 0);
	request.type = MAKER_TABLE_DELETE;
	assert_int_equal(make(request), 0);
	assert_int_equal(namespace_run("! nft list tables | grep ."), 0);
	assert_int_equal(make(request), 0);
	assert_int_equal(namespace_run("ip link delete e0"), 0);
	for (uint32_t type = MAKER_TABLE_VM_DELETE; type <= MAKER_TABLE_DELETE; type++) {
		request.type = type;
		assert_int_equal(make(request), 0);
	}
	request.type = MAKER_TABLE_REFRESH;
	assert_int_equal(make(request), -ENODEV);
	close(table_fds[0]);
	for (size_t i = 0; i < 2; i++)
		close(fds[i]);
	for (int i = 0; i < 200 && if_indextoname(gate, tap.ifname); i++)
		usleep(10000);
	assert_int_equal(namespace_run("! nft list tables | grep ."), 0);
	assert_null(if_indextoname(gate, tap.ifname));
}

static void test_tables(void **state)
{
	namespace_test(tables);
}

static int make_rule(enum maker_type type, enum maker_rule key, uint32_t ifindex, int32_t number)
{
	struct maker_request request = { .type = type,
					 .key = key,
					 .ifindex = ifindex,
					 .tap_ifindex = ifindex,
					 .number = number };

	if (key != MAKER_RULE_GUESTS)
		if_indextoname(ifindex, request.ifname);
	return make(request);
}

#define RULES(count) "[ $(ip rule show | grep -c '^11[5-8]:.*proto 118') = " #count " ]"

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
		assert_int_equal(make_rule(MAKER_RULE_ADD, rule, ours, 115 + (int32_t)key), 0);
		/* A rule that is there is none too many. */
		assert_int_equal(make_rule(MAKER_RULE_ADD, rule, ours, 115 + (int32_t)key), 0);
	}
	assert_int_equal(namespace_run(RULES(4)), 0);

	/* The tap goes, its rules stay until they are deleted. Those of others stay for good. */
	close(fds[0]);
	assert_int_equal(namespace_run("ip rule add pref 117 iif vmr-x unreachable && " RULES(4)),
			 0);
	for (unsigned int key = 0; key < MAKER_RULES; key++) {
		struct maker_request request = { .type = MAKER_RULE_DELETE,
						 .key = key,
						 .tap_ifindex = ours,
						 .number = 115 + (int32_t)key };

		if (key != MAKER_RULE_GUESTS)
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

static struct maker_request tap_route_request(enum maker_type type, uint32_t ifindex,
					      const char *to, int32_t length)
{
	struct maker_request request = {
		.type = type, .ifindex = ifindex, .tap_ifindex = 77, .number = length
	};

	assert_int_equal(inet_pton(AF_INET, to, &request.address), 1);
	return request;
}

#define GUEST_ROUTES(count) \
	"[ $(ip route show table 117000000 2>/dev/null | grep -c .) = " #count " ]"

/* Routes of our tables only. To a tap leads one guest's, once with this host's address. */
static void tap_routes(void)
{
	struct maker_request tap = { .type = MAKER_TAP_ADD, .number = 1, .ifname = "vmr-x" };
	const uint32_t lo = if_nametoindex("lo"), uplink = if_nametoindex("e0");
	struct maker_request route = tap_route_request(MAKER_TAP_ROUTE_ADD, uplink, "0.0.0.0", 0);
	struct in_addr host;
	int fds[MAKER_FDS_MAX];
	uint32_t ours;

	assert_int_equal(make(tap_route_request(MAKER_TAP_ROUTE_ADD, lo, "10.0.0.0", 8)), -EPERM);
	assert_int_equal(make(tap_route_request(MAKER_TAP_ROUTE_ADD, uplink, "10.0.0.0", 33)),
			 -EPERM);
	route.tap_ifindex = UINT32_MAX;
	assert_int_equal(make(route), -EPERM);
	route.tap_ifindex = 77;
	assert_int_equal(inet_pton(AF_INET, "172.31.0.1", &route.router), 1);
	assert_int_equal(make(route), 0);
	assert_int_equal(make(tap_route_request(MAKER_TAP_ROUTE_ADD, uplink, "10.0.0.0", 8)), 0);
	assert_int_equal(namespace_run("set -e; ip route show table 118000077 | "
				       "grep -q '^default via 172.31.0.1 dev e0 proto 118 onlink'; "
				       "ip route show table 118000077 | "
				       "grep -q '^10.0.0.0/8 dev e0 proto 118 scope link'; "
				       "ip route add 10.9.0.0/16 dev e0 table 118000077"),
			 0);
	route.type = MAKER_TAP_ROUTE_DELETE;
	assert_int_equal(make(route), 0);
	assert_int_equal(make(route), 0);
	assert_int_equal(make(tap_route_request(MAKER_TAP_ROUTE_DELETE, uplink, "10.0.0.0", 8)), 0);
	/* Of another program. */
	assert_int_equal(make(tap_route_request(MAKER_TAP_ROUTE_DELETE, uplink, "10.9.0.0", 16)),
			 0);
	assert_int_equal(namespace_run("[ \"$(ip route show table 118000077 | cut -d' ' -f1)\" = "
				       "10.9.0.0/16 ]"),
			 0);
	assert_int_equal(make(tap_route_request(MAKER_TAP_ROUTE_DELETE, 999, "10.9.0.0", 16)), 0);

	ours = (uint32_t)execute(tap, fds);
	assert_int_equal(namespace_run("ip link set vmr-x up"), 0);
	assert_int_equal(make(tap_route_request(MAKER_TAP_ROUTE_ADD, ours, "0.0.0.0", 0)), -EPERM);
	assert_int_equal(make(tap_route_request(MAKER_TAP_ROUTE_ADD, ours, "10.0.0.0", 8)), -EPERM);
	assert_int_equal(make(tap_route_request(MAKER_TAP_ROUTE_ADD, ours, "224.0.0.1", 32)),
			 -EPERM);
	route = tap_route_request(MAKER_TAP_ROUTE_ADD, ours, "192.168.7.9", 32);
	strcpy(route.ifname, "vmr-x");
	assert_int_equal(inet_pton(AF_INET, "192.168.7.5", &host), 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(make(route), 0);
		route.router = host;
	}
	assert_int_equal(namespace_run(GUEST_ROUTES(2)), 0);
	route.type = MAKER_TAP_ROUTE_DELETE;
	assert_int_equal(make(route), 0);
	assert_int_equal(namespace_run(GUEST_ROUTES(1) " && ip route show table 117000000 | "
						       "grep -q 'metric 1'"),
			 0);
	route.router.s_addr = INADDR_ANY;
	assert_int_equal(make(route), 0);
	assert_int_equal(namespace_run(GUEST_ROUTES(0)), 0);
	close(fds[0]);
}

static void test_tap_routes(void **state)
{
	namespace_test(tap_routes);
}

static void *run_maker(void *socket)
{
	static struct error unused;

	assert_int_equal(maker_run(*(int *)socket, &unused), 0);
	return NULL;
}

/* The owner's socket passes the socket in both directions, and the maker keeps no copy. */
static void table_conversation(int socket)
{
	struct maker_request request = { .type = MAKER_TABLE_OPEN,
					 .ifindex = if_nametoindex("e0") };
	int table_fds[MAKER_FDS_MAX], fds[MAKER_FDS_MAX], none[MAKER_FDS_MAX];
	unsigned int before;
	uint32_t ifindex;

	usleep(50000); /* the maker's thread closes its own after each answer */
	before = namespace_count_fds();
	assert_int_equal(maker_call(socket, &request, &ifindex, table_fds, &err), 0);
	assert_true(table_fds[0] >= 0 && table_fds[1] < 0);
	request.type = MAKER_TABLE_BRIDGE;
	request.owner = table_fds[0];
	assert_int_equal(maker_call(socket, &request, &ifindex, fds, &err), 0);
	assert_true(ifindex > 0 && fds[1] >= 0 && fds[2] < 0);
	request.type = MAKER_TABLE_REFRESH;
	assert_int_equal(maker_call(socket, &request, &ifindex, none, &err), 0);
	request.owner = fds[0];
	assert_int_equal(maker_call(socket, &request, &ifindex, none, &err), -EPERM);
	close(table_fds[0]);
	for (size_t i = 0; i < 2; i++)
		close(fds[i]);
	usleep(50000);
	assert_int_equal(namespace_count_fds(), before);
	assert_int_equal(namespace_run("! nft list tables | grep ."), 0);
}

/* A caller that can have one more descriptor gets none of two, and the tap goes. */
static void too_many_descriptors(void)
{
	const struct maker_request tap = { .type = MAKER_TAP_ADD, .number = 2, .ifname = "vmr-x" };
	const unsigned int before = namespace_count_fds();
	struct rlimit limit, low;
	uint32_t ifindex;
	int fds[MAKER_FDS_MAX], sockets[2];
	pid_t maker;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	maker = fork();
	if (maker == 0) {
		close(sockets[0]);
		_exit(maker_run(sockets[1], &err) < 0);
	}
	close(sockets[1]);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	low.rlim_cur = (rlim_t)sockets[1] + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(maker_call(sockets[0], &tap, &ifindex, fds, &err), -EPROTO);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(fds[0], -1);
	close(sockets[0]);
	assert_int_equal(namespace_wait(maker), 0);
	assert_int_equal(namespace_count_fds(), before);
	assert_int_equal(if_nametoindex("vmr-x"), 0);
}

static void test_too_many_descriptors(void **state)
{
	namespace_test(too_many_descriptors);
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
	table_conversation(sockets[0]);

	shutdown(sockets[0], SHUT_WR);
	pthread_join(thread, NULL);
	close(sockets[1]);
	assert_int_equal(maker_call(sockets[0], &tap, &ifindex, fds, &err) < 0, 1);
	close(sockets[0]);
}

/* Starts a maker that is confined as vmrun-netsetup confines it. */
static pid_t confined_maker(int socket, int other_end)
{
	const pid_t child = fork();

	if (child == 0) {
		close(other_end);
		if (capabilities_confine(&err) < 0 || landlock_confine_maker(&err) < 0 ||
		    seccomp_confine_maker(&err) < 0)
			_exit(1);
		_exit(maker_run(socket, &err) < 0);
	}
	return child;
}

/* A table needs no call and no file that the maker must not have. */
static void confined(void)
{
	struct maker_request request = { .type = MAKER_TAP_ADD, .number = 1, .ifname = "vmr-x" };
	const uint32_t uplink = if_nametoindex("e0");
	int fds[MAKER_FDS_MAX], tap_fds[MAKER_FDS_MAX], gate_fds[MAKER_FDS_MAX];
	int sockets[2], none[MAKER_FDS_MAX];
	uint32_t ifindex, tap;
	pid_t maker;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	maker = confined_maker(sockets[1], sockets[0]);
	close(sockets[1]);
	assert_int_equal(maker_call(sockets[0], &request, &tap, tap_fds, &err), 0);
	request = (struct maker_request){ .type = MAKER_TABLE_OPEN, .ifindex = uplink };
	assert_int_equal(maker_call(sockets[0], &request, &ifindex, fds, &err), 0);
	request = vm_request(fds[0], uplink, tap);
	request.number = 0;
	request.type = MAKER_TABLE_BRIDGE;
	assert_int_equal(maker_call(sockets[0], &request, &ifindex, gate_fds, &err), 0);
	for (uint32_t type = MAKER_TABLE_REFRESH; type <= MAKER_TABLE_VM_DELETE; type++) {
		request.type = type;
		request.number = type == MAKER_TABLE_VM ? TABLE_BRIDGED : 0;
		assert_int_equal(maker_call(sockets[0], &request, &ifindex, none, &err), 0);
	}
	request.type = MAKER_TABLE_DUMP;
	for (request.number = 0; request.number < TABLE_COUNTED; request.number++) {
		char octets[4096];

		assert_int_equal(maker_call(sockets[0], &request, &ifindex, none, &err), 0);
		/* The socket has the answer, or the error of a set that is not there. */
		assert_true(recv(fds[0], octets, sizeof(octets), MSG_DONTWAIT) > 0);
		while (recv(fds[0], octets, sizeof(octets), MSG_DONTWAIT) > 0)
			continue;
		assert_int_equal(errno, EAGAIN);
	}
	request.number = 0;
	/* The table outlives its maker, for who holds the owner's socket. */
	close(sockets[0]);
	assert_int_equal(namespace_wait(maker), 0);
	assert_int_equal(namespace_run("nft list table netdev vmrun-e0 >/dev/null"), 0);
	request.type = MAKER_TABLE_REFRESH;
	assert_int_equal(make(request), 0);
}

static void test_confined(void **state)
{
	namespace_test(confined);
}

static void test_conversation(void **state)
{
	namespace_test(conversation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_confined),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_tap_routes),
		cmocka_unit_test(test_conversation),
		cmocka_unit_test(test_too_many_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
