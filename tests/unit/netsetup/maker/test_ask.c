// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the maker's requests about firewalls: questions to the kernel, and rules in chains.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
/* After netinet/in.h, whose definitions the kernel's headers leave out then. */
#include <linux/netfilter.h>
#include <unistd.h>

#include "netsetup/maker/ask.h"
#include "netsetup/maker/maker.h"
#include "netsetup/worker/sample.h"
#include "tests/unit/support/namespace.h"

static const struct in_addr guest = { 0x6407a8c0 }, station = { 0xfa07a8c0 };

static struct error err;

static int execute(struct maker_request request, uint32_t *number, int fds[MAKER_FDS_MAX])
{
	struct nl_sock *route = NULL;
	int ret;

	assert_int_equal(netlink_open(NETLINK_ROUTE, &route, &err), 0);
	*number = 0;
	ret = maker_execute(route, &request, number, fds, &err);
	nl_socket_free(route);
	return ret;
}

static int make(struct maker_request request)
{
	int fds[MAKER_FDS_MAX];
	uint32_t number;
	const int ret = execute(request, &number, fds);

	for (size_t i = 0; i < MAKER_FDS_MAX; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return ret;
}

/* Makes a tap that is up, and returns its descriptor. */
static int make_tap(const char *name, uint32_t *ifindex)
{
	struct maker_request request = { .type = MAKER_TAP_ADD, .number = 1 };
	char command[64];
	int fds[MAKER_FDS_MAX];

	strcpy(request.ifname, name);
	assert_int_equal(execute(request, ifindex, fds), 0);
	snprintf(command, sizeof(command), "ip link set %s up", name);
	assert_int_equal(namespace_run(command), 0);
	return fds[0];
}

static void refuse(struct maker_request request, uint32_t tap)
{
	const uint32_t lo = if_nametoindex("lo"), uplink = if_nametoindex("e0");

	request.ifindex = tap;
	assert_int_equal(make(request), -EPERM);
	request.ifindex = lo;
	assert_int_equal(make(request), -EPERM);
	request.ifindex = uplink;
	request.tap_ifindex = uplink;
	assert_int_equal(make(request), -EPERM);
	request.tap_ifindex = lo;
	assert_int_equal(make(request), -EPERM);
	request.tap_ifindex = 999;
	assert_int_equal(make(request), -ENODEV);
	request.tap_ifindex = tap;
	request.address.s_addr = 0;
	assert_int_equal(make(request), -EPERM);
}

static const struct maker_request question = { .type = MAKER_ASK_OPEN };

#define COUNTED(from, count) "nft list chain ip t c | grep -q '\"" from "\".* packets " count " '"

/* Sends sample @number by the gate, with other addresses if @other. */
static void send_sample(int gate, unsigned int number, bool other)
{
	struct sample_ends ends = { .gate = ASK_GATE_MAC, .guest = guest, .station = station };
	uint8_t frame[SAMPLE_SIZE_MAX];
	size_t size;

	if (other)
		ends.guest.s_addr = ends.station.s_addr = htonl(0xc0a80709);
	size = sample_build(&ends, number, frame);
	assert_int_equal(write(gate, frame, size), size);
}

/* Only frames of the guest and of the station pass the gate, and end at their interfaces. */
static void gate(void)
{
	struct maker_request request = question;
	int fds[MAKER_FDS_MAX], tap_fd;
	uint32_t tap, number;

	tap_fd = make_tap("vmr-x", &tap);
	request.ifindex = if_nametoindex("e0");
	request.tap_ifindex = tap;
	request.address = guest;
	assert_int_equal(make(request), -EPERM);
	request.station = station;
	refuse(request, tap);
	assert_int_equal(execute(request, &number, fds), 0);
	assert_true(fds[ASK_GATE] >= 0 && fds[ASK_TRACE] >= 0 && fds[ASK_FDS] < 0);
	assert_int_equal(make(request), -EBUSY);

	assert_int_equal(namespace_run("nft 'table ip t { chain c { "
				       "type filter hook prerouting priority -400; "
				       "iifname \"vmr-x\" counter; iifname \"e0\" counter; "
				       "iifname \"vmr-gate_q*\" counter; }; }'"),
			 0);
	send_sample(fds[ASK_GATE], sample_number(VERDICT_OUT, VERDICT_UDP), false);
	send_sample(fds[ASK_GATE], sample_number(VERDICT_IN, VERDICT_TCP), false);
	send_sample(fds[ASK_GATE], sample_number(VERDICT_IN, VERDICT_ECHO), false);
	for (unsigned int i = 0; i < SAMPLE_COUNT; i++)
		send_sample(fds[ASK_GATE], i, true);
	assert_int_equal(namespace_run(COUNTED("vmr-x", "1")), 0);
	assert_int_equal(namespace_run(COUNTED("e0", "2")), 0);
	assert_int_equal(namespace_run(COUNTED("vmr-gate_q\\*", "0")), 0);

	close(fds[ASK_GATE]);
	close(fds[ASK_TRACE]);
	for (int i = 0; i < 200 && make(request) == -EBUSY; i++)
		usleep(10000);
	assert_int_equal(make(request), 0);
	close(tap_fd);
}

static void test_gate(void **state)
{
	namespace_test(gate);
}

static struct maker_request rules_of(uint8_t vm, uint32_t tap)
{
	struct maker_request request = { .type = MAKER_ALLOW_ADD,
					 .ifindex = if_nametoindex("e0"),
					 .tap_ifindex = tap,
					 .address = guest };

	memset(request.allow.uuid, vm, sizeof(request.allow.uuid));
	request.allow.family = NFPROTO_IPV4;
	strcpy(request.allow.table, "filter");
	strcpy(request.allow.chain, "FORWARD");
	return request;
}

static void refuse_chains(struct maker_request request)
{
	const struct maker_request good = request;

	request.allow.family = NFPROTO_IPV6;
	assert_int_equal(make(request), -EPERM);
	request = good;
	request.allow.table[0] = '\0';
	assert_int_equal(make(request), -EPERM);
	request = good;
	memset(request.allow.chain, 'a', sizeof(request.allow.chain));
	assert_int_equal(make(request), -EPERM);
	request = good;
	strcpy(request.allow.chain, "none");
	assert_int_equal(make(request), -ENOENT);
}

static unsigned int count_stale(int32_t delete)
{
	int fds[MAKER_FDS_MAX];
	uint32_t count;

	assert_int_equal(
		execute((struct maker_request){ .type = MAKER_ALLOW_SWEEP, .number = delete },
			&count, fds),
		0);
	return count;
}

#define RULES(what, count) "[ $(nft list ruleset | grep -c '" what "') = " #count " ]"
#define ONE                "vmrun:01010101-0101-0101-0101-010101010101"
#define TWO                "vmrun:02020202-0202-0202-0202-020202020202"

/* Rules are at the head, narrow, once for each VM and chain, and go with their VM. */
static void rules(void)
{
	struct maker_request request;
	uint32_t one, two;
	const int first = make_tap("vmr-x", &one), second = make_tap("vmr-y", &two);

	assert_int_equal(namespace_run("nft 'table ip filter { chain FORWARD { "
				       "type filter hook forward priority 0; policy drop; "
				       "counter comment \"other\"; "
				       "counter comment \"vmrun:01010101\"; }; "
				       "chain second { type filter hook forward priority 1; }; }'"),
			 0);
	refuse(rules_of(1, one), one);
	refuse_chains(rules_of(1, one));
	assert_int_equal(namespace_run(RULES("vmrun:0101", 1)), 0);

	assert_int_equal(make(rules_of(1, one)), 0);
	assert_int_equal(make(rules_of(1, one)), 0);
	assert_int_equal(make(rules_of(2, two)), 0);
	request = rules_of(1, one);
	strcpy(request.allow.chain, "second");
	assert_int_equal(make(request), 0);
	assert_int_equal(namespace_run(RULES(ONE, 4)), 0);
	assert_int_equal(namespace_run(RULES(TWO, 2)), 0);
	assert_int_equal(namespace_run("nft list chain ip filter FORWARD | sed -n 4p | grep -q '^"
				       "\t\tiifname \"vmr-y\" oifname \"e0\" ip saddr "
				       "192.168.7.100 counter .* accept comment'"),
			 0);
	assert_int_equal(namespace_run("nft list chain ip filter FORWARD | sed -n 7p | grep -q '^"
				       "\t\tiifname \"e0\" oifname \"vmr-x\" ip daddr "
				       "192.168.7.100 counter .* accept comment'"),
			 0);

	assert_int_equal(count_stale(1), 0);
	close(first);
	for (int i = 0; i < 200 && if_nametoindex("vmr-x"); i++)
		usleep(10000);
	assert_int_equal(count_stale(0), 4);
	assert_int_equal(namespace_run(RULES(ONE, 4)), 0);
	assert_int_equal(count_stale(1), 4);
	assert_int_equal(namespace_run(RULES(ONE, 0)), 0);
	assert_int_equal(namespace_run(RULES(TWO, 2)), 0);

	request = (struct maker_request){ .type = MAKER_ALLOW_DELETE };
	memset(request.allow.uuid, 2, sizeof(request.allow.uuid));
	assert_int_equal(make(request), 0);
	assert_int_equal(make(request), 0);
	assert_int_equal(namespace_run(RULES(TWO, 0)), 0);
	assert_int_equal(namespace_run(RULES("comment", 2)), 0);
	close(second);
}

static void test_rules(void **state)
{
	namespace_test(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gate),
		cmocka_unit_test(test_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
