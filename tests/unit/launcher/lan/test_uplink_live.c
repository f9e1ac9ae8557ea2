// SPDX-License-Identifier: GPL-2.0-or-later
// Finds uplinks with the real kernel, each case in its own network namespace.
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "launcher/lan/uplink.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/kernel/netlink.h"

/* Exit statuses of a child. */
#define CHILD_PASSED  0
#define CHILD_FAILED  1
#define CHILD_SKIPPED 77

#define FOUND_SIZE 2048

/* Makes veth NAME and its peer, both up: "NAME-p" is the other end, the LAN. */
#define VETH(name)                                                \
	"ip link add " name " type veth peer name " name "-p && " \
	"ip link set " name " up && ip link set " name "-p up && "

/**
 * struct live_case - a network and the expected uplink.
 * @name: of the case.
 * @script: shell commands that make the network; loopback is up.
 * @ifname: requested, or NULL for auto.
 * @found: "IF ADDRESS/LENGTH ROUTER MTU", or the message of the error.
 * @remedy: a line of the remedy, or NULL.
 */
static const struct live_case {
	const char *name;
	const char *script;
	const char *ifname;
	const char *found;
	const char *remedy;
} cases[] = {
	{
		.name = "nothing",
		.script = "true",
		.found = "no usable uplink",
		.remedy = "there is no network interface but the loopback",
	},
	{
		.name = "veth with a default route",
		.script = VETH("e0") "ip link set e0 mtu 1420 && ip addr add 192.168.7.5/24 dev e0"
				     " && ip route add default via 192.168.7.1",
		.found = "e0 192.168.7.5/24 192.168.7.1 1420",
	},
	{
		.name = "no default route",
		.script = VETH("e0") "ip addr add 192.168.7.5/24 dev e0",
		.found = "no usable uplink",
		.remedy = "  e0: no default route",
	},
	{
		.name = "a default route in another table only",
		.script = VETH("e0") "ip addr add 192.168.7.5/24 dev e0 && "
				     "ip route add default via 192.168.7.1 table 100",
		.found = "no usable uplink",
		.remedy = "  e0: no default route",
	},
	{
		.name = "a default route without a router",
		.script = VETH(
			"e0") "ip addr add 192.168.7.5/24 dev e0 && ip route add default dev e0",
		.found = "e0 192.168.7.5/24 0.0.0.0 1500",
	},
	{
		.name = "a router of another family",
		.script = VETH("e0") "ip addr add 192.168.7.5/24 dev e0 && "
				     "ip -4 route add default via inet6 fe80::1 dev e0",
		.found = "e0 192.168.7.5/24 0.0.0.0 1500",
	},
	{
		.name = "a bridge and its port",
		.script = VETH("e0") "ip link add br0 type bridge && ip link set br0 up && "
				     "ip link set e0 master br0 && "
				     "ip addr add 192.168.7.5/24 dev br0 && "
				     "ip route add default via 192.168.7.1",
		.found = "br0 192.168.7.5/24 192.168.7.1 1500",
	},
	{
		.name = "a port of a bridge by name",
		.script = VETH("e0") "ip link add br0 type bridge && ip link set br0 up && "
				     "ip link set e0 master br0",
		.ifname = "e0",
		.found = "cannot use uplink 'e0': a port of bridge 'br0'",
		.remedy = "use that: --uplink=br0",
	},
	{
		.name = "/31",
		.script = VETH("e0") "ip addr add 192.168.7.4/31 dev e0 && "
				     "ip route add default via 192.168.7.5",
		.found = "no usable uplink",
		.remedy = "  e0: its address 192.168.7.4/31 has a prefix that leaves no address "
			  "for a VM (has the default route)",
	},
	{
		.name = "/32",
		.script = VETH("e0") "ip addr add 192.168.7.4/32 dev e0 && "
				     "ip route add default via 10.0.0.1 dev e0 onlink",
		.found = "no usable uplink",
		.remedy = "  e0: its address 192.168.7.4/32 has a prefix that leaves no address "
			  "for a VM (has the default route)",
	},
	{
		.name = "a pair of addresses",
		.script = VETH("e0") "ip addr add 192.168.7.4 peer 192.168.7.9/24 dev e0",
		.ifname = "e0",
		.found = "cannot use uplink 'e0': its address 192.168.7.4/24 is one end of a "
			 "point-to-point link",
	},
	{
		.name = "tun with the default route, beside a LAN",
		.script = VETH("e0") "ip addr add 192.168.7.5/24 dev e0 && "
				     "ip route add default via 192.168.7.1 metric 600 && "
				     "ip tuntap add tun0 mode tun && ip link set tun0 up && "
				     "ip addr add 10.8.0.2/24 dev tun0 && "
				     "ip route add default dev tun0 metric 50",
		.found = "e0 192.168.7.5/24 192.168.7.1 1500",
	},
	{
		.name = "tun alone",
		.script = "ip tuntap add tun0 mode tun && ip link set tun0 up && "
			  "ip addr add 10.8.0.2/24 dev tun0 && ip route add default dev tun0",
		.found = "no usable uplink",
		.remedy = "  tun0: point-to-point, does not do ARP (has the default route)",
	},
	{
		.name = "tap by name",
		.script = "ip tuntap add tap0 mode tap && ip link set tap0 up && "
			  "ip addr add 10.8.0.2/24 dev tap0",
		.ifname = "tap0",
		.found = "cannot use uplink 'tap0': a tunnel",
	},
	{
		.name = "two default routes",
		.script = VETH("e0") VETH("e1") "ip addr add 192.168.7.5/24 dev e0 && "
						"ip addr add 192.168.8.5/24 dev e1 && "
						"ip route add default via 192.168.7.1 metric 20 && "
						"ip route add default via 192.168.8.1 metric 10",
		.found = "e1 192.168.8.5/24 192.168.8.1 1500",
	},
	{
		.name = "the other of two by name",
		.script = VETH("e0") VETH("e1") "ip addr add 192.168.7.5/24 dev e0 && "
						"ip addr add 192.168.8.5/24 dev e1 && "
						"ip route add default via 192.168.7.1 metric 20 && "
						"ip route add default via 192.168.8.1 metric 10",
		.ifname = "e0",
		.found = "e0 192.168.7.5/24 192.168.7.1 1500",
	},
	{
		.name = "not there",
		.script = VETH("e0") "true",
		.ifname = "e1",
		.found = "uplink 'e1' does not exist",
		.remedy = "  e0: no IPv4 address",
	},
	{
		.name = "down",
		.script = VETH("e0") "ip link set e0 down",
		.ifname = "e0",
		.found = "cannot use uplink 'e0': down",
	},
	{
		.name = "no carrier",
		.script = VETH("e0") "ip addr add 192.168.7.5/24 dev e0 && ip link set e0-p down",
		.ifname = "e0",
		.found = "cannot use uplink 'e0': no carrier",
	},
	{
		.name = "loopback by name",
		.script = "true",
		.ifname = "lo",
		.found = "cannot use uplink 'lo': loopback",
	},
	{
		.name = "ECMP over two interfaces",
		.script = VETH("e0") VETH("e1") "ip addr add 192.168.7.5/24 dev e0 && "
						"ip addr add 192.168.8.5/24 dev e1 && "
						"ip route add default nexthop via 192.168.7.1 "
						"nexthop via 192.168.8.1",
		.found = "several uplinks are equally good: 'e0', 'e1'",
		.remedy = "choose one: --uplink=e0 or --uplink=e1",
	},
	{
		.name = "ECMP over one interface",
		.script = VETH("e0") "ip addr add 192.168.7.5/24 dev e0 && "
				     "ip route add default nexthop via 192.168.7.1 "
				     "nexthop via 192.168.7.2",
		.found = "e0 192.168.7.5/24 192.168.7.1 1500",
	},
	{
		.name = "a nexthop object",
		.script = VETH("e0") "ip addr add 192.168.7.5/24 dev e0 && "
				     "ip nexthop add id 7 via 192.168.7.1 dev e0 && "
				     "ip route add default nhid 7",
		.found = "e0 192.168.7.5/24 192.168.7.1 1500",
	},
	{
		.name = "a nexthop object that the route does not describe",
		.script = VETH("e0") "echo 0 >/proc/sys/net/ipv4/nexthop_compat_mode && "
				     "ip addr add 192.168.7.5/24 dev e0 && "
				     "ip nexthop add id 7 via 192.168.7.1 dev e0 && "
				     "ip route add default nhid 7",
		.found = "e0 192.168.7.5/24 192.168.7.1 1500",
	},
	{
		.name = "a group of nexthop objects that the route does not describe",
		.script = VETH("e0") VETH("e1") "echo 0 >/proc/sys/net/ipv4/nexthop_compat_mode && "
						"ip addr add 192.168.7.5/24 dev e0 && "
						"ip addr add 192.168.8.5/24 dev e1 && "
						"ip nexthop add id 7 via 192.168.7.1 dev e0 && "
						"ip nexthop add id 8 via 192.168.8.1 dev e1 && "
						"ip nexthop add id 9 group 7/8 && "
						"ip route add default nhid 9",
		.found = "several uplinks are equally good: 'e0', 'e1'",
	},
	{
		.name = "a blackhole nexthop object",
		.script = VETH("e0") "echo 0 >/proc/sys/net/ipv4/nexthop_compat_mode && "
				     "ip addr add 192.168.7.5/24 dev e0 && "
				     "ip nexthop add id 7 blackhole && ip route add default nhid 7",
		.found = "no usable uplink",
		.remedy = "  e0: no default route",
	},
	{
		.name = "several addresses",
		.script = VETH("e0") "ip addr add 192.168.7.5/24 dev e0 && "
				     "ip addr add 192.168.7.6/24 dev e0 && "
				     "ip addr add 10.1.2.3/8 dev e0 && "
				     "ip addr add 169.254.1.2/16 scope link dev e0 && "
				     "ip route add default via 10.0.0.1",
		.found = "e0 10.1.2.3/8 10.0.0.1 1500",
	},
	{
		.name = "only an address of link scope",
		.script = VETH("e0") "ip addr add 169.254.1.2/16 scope link dev e0",
		.ifname = "e0",
		.found = "e0 169.254.1.2/16 0.0.0.0 1500",
	},
	{
		.name = "only another address of link scope",
		.script = VETH("e0") "ip addr add 10.1.2.3/16 scope link dev e0",
		.ifname = "e0",
		.found = "cannot use uplink 'e0': its address 10.1.2.3/16 is not of global scope",
	},
	{
		.name = "a hundred interfaces and routes beside it",
		.script = VETH("e0") "ip addr add 192.168.7.5/24 dev e0 && "
				     "for i in $(seq 100); do "
				     "ip link add x$i type veth peer name y$i && "
				     "ip route add 10.0.$i.0/24 via 192.168.7.9 || exit 1; done && "
				     "ip route add default via 192.168.7.1",
		.found = "e0 192.168.7.5/24 192.168.7.1 1500",
	},
};

/* Enters a new network namespace and mounts its /sys. */
static bool enter_namespace(void)
{
	return unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 &&
	       mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("sysfs", "/sys", "sysfs", 0, NULL) == 0 && !system("ip link set lo up");
}

static int run_case(const struct live_case *test)
{
	char found[FOUND_SIZE], prefix[IPV4_TEXT_SIZE], router[IPV4_TEXT_SIZE];
	struct error err = { 0 };
	struct uplink uplink;

	if (!enter_namespace())
		return CHILD_SKIPPED;
	if (system(test->script)) {
		print_error("%s: cannot build it\n", test->name);
		return CHILD_FAILED;
	}
	if (uplink_find(&(struct uplink_search){ .ifname = test->ifname }, &uplink, &err) < 0)
		snprintf(found, sizeof(found), "%s", err.message);
	else
		snprintf(found, sizeof(found), "%.15s %s %s %u", uplink.ifname,
			 ipv4_prefix_text(&uplink.prefix, prefix), ipv4_text(uplink.router, router),
			 uplink.mtu);
	if (strcmp(found, test->found) || (test->remedy && !strstr(err.remedy, test->remedy))) {
		print_error("%s: found '%s'\n%s\n", test->name, found, err.remedy);
		return CHILD_FAILED;
	}
	return CHILD_PASSED;
}

/* libnl translates ENETUNREACH to "unspecific failure"; netlink_request() must not. */
static int run_kernel_errno(const struct live_case *test)
{
	cleanup_nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, 0);
	struct rtmsg info = { .rtm_family = AF_INET, .rtm_dst_len = 32 };
	cleanup_nl_sock *sock = NULL;
	struct error err;

	if (!enter_namespace())
		return CHILD_SKIPPED;
	nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
	nla_put_u32(msg, RTA_DST, htonl(0xc0000201));
	if (netlink_open(NETLINK_ROUTE, &sock, &err) < 0)
		return CHILD_FAILED;
	return netlink_request(sock, msg, NULL, NULL) == -ENETUNREACH ? CHILD_PASSED : CHILD_FAILED;
}

/* uplink_find() succeeds while interfaces appear and vanish all the time. */
static int run_changing(const struct live_case *test)
{
	pid_t changer;
	int result = CHILD_PASSED;

	if (!enter_namespace())
		return CHILD_SKIPPED;
	/* Changes can only interrupt a dump of many parts. */
	if (system(cases[ARRAY_SIZE(cases) - 1].script))
		return CHILD_FAILED;
	changer = fork();
	if (changer == 0) {
		execlp("sh", "sh", "-c",
		       "while :; do ip link add x type veth peer name y; ip link del x; "
		       "sleep 0.01; done",
		       NULL);
		_exit(CHILD_FAILED);
	}
	for (int i = 0; i < 200 && result == CHILD_PASSED; i++) {
		struct error err = { 0 };
		struct uplink uplink;

		if (uplink_find(&(struct uplink_search){ 0 }, &uplink, &err) < 0) {
			print_error("%s\n%s\n", err.message, err.remedy);
			result = CHILD_FAILED;
		}
	}
	kill(changer, SIGKILL);
	waitpid(changer, NULL, 0);
	return result;
}

static void in_child(int (*run)(const struct live_case *), const struct live_case *test)
{
	pid_t child = fork();
	int status = 0;

	/* LeakSanitizer checks the child in exit(), not in _exit(). */
	if (child == 0)
		exit(run(test));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) != CHILD_SKIPPED)
		assert_int_equal(WEXITSTATUS(status), CHILD_PASSED);
	else if (getenv("VMRUN_TESTS_MUST_RUN"))
		fail_msg("network namespaces need root");
	else
		skip();
}

static void test_live(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		in_child(run_case, &cases[i]);
}

static void test_kernel_errno(void **state)
{
	in_child(run_kernel_errno, NULL);
}

static void test_changing(void **state)
{
	in_child(run_changing, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_kernel_errno),
		cmocka_unit_test(test_changing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
