// SPDX-License-Identifier: GPL-2.0-or-later
// Tests that the kernel's tables and the resolver's files name an address's owner.
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/kernel/network_dump.h"
#include "netsetup/service/known_hosts.h"
#include "tests/unit/support/namespace.h"

static struct known_hosts hosts;

static void read_hosts(void)
{
	cleanup_interfaces struct interfaces table = { 0 };
	cleanup_nl_sock *route = NULL;
	struct error err = { 0 };

	known_hosts_done(&hosts);
	assert_int_equal(netlink_open(NETLINK_ROUTE, &route, &err), 0);
	assert_int_equal(network_dump(&table, &err), 0);
	if (known_hosts_read(route, &table, if_nametoindex("e0"), &hosts, &err) < 0)
		fail_msg("%s", err.message);
}

static const char *owner(const char *text)
{
	struct in_addr address;
	const char *name;

	assert_true(ipv4_parse(text, &address));
	name = known_hosts_owner(&hosts, address);
	return name ? name : "nobody's";
}

static bool seen(const char *text)
{
	struct in_addr address;

	assert_true(ipv4_parse(text, &address));
	return known_hosts_seen(&hosts, address);
}

static void resolvers(void)
{
	assert_int_equal(
		namespace_run(
			"mount -t tmpfs tmpfs /etc && cd /etc && "
			"{ echo 'nameserver 192.168.7.11'; printf '\\t nameserver\\t192.168.7.12 # "
			"x\\n'; "
			"echo '#nameserver 192.168.7.13'; echo 'nameserver 192.168.7.300'; "
			"echo 'nameserver ::1'; echo 'nameservers 192.168.7.14'; echo search x; "
			"head -c 5000 /dev/zero | tr '\\0' x; echo; "
			"printf 'nameserver 192.168.7.15'; } >resolv.conf && "
			"mkdir -p /run/systemd/resolve /run/NetworkManager /run/resolvconf && "
			"echo nameserver 192.168.7.16 >/run/systemd/resolve/resolv.conf && "
			"echo nameserver 192.168.7.17 >/run/NetworkManager/no-stub-resolv.conf && "
			"echo nameserver 192.168.7.18 >/run/NetworkManager/resolv.conf && "
			"echo nameserver 192.168.7.19 >/run/resolvconf/resolv.conf"),
		0);
	read_hosts();
	assert_int_equal(hosts.resolvers.count, 7);
	assert_string_equal(owner("192.168.7.11"), "a DNS server's");
	assert_string_equal(owner("192.168.7.12"), "a DNS server's");
	assert_string_equal(owner("192.168.7.13"), "nobody's");
	assert_string_equal(owner("192.168.7.14"), "nobody's");
	assert_string_equal(owner("192.168.7.15"), "a DNS server's");
	assert_string_equal(owner("192.168.7.16"), "a DNS server's");
	assert_string_equal(owner("192.168.7.17"), "a DNS server's");
	assert_string_equal(owner("192.168.7.18"), "a DNS server's");
	assert_string_equal(owner("192.168.7.19"), "a DNS server's");
	/* Without any file. */
	assert_int_equal(namespace_run("rm -r /etc/* /run/systemd /run/NetworkManager "
				       "/run/resolvconf"),
			 0);
	read_hosts();
	assert_int_equal(hosts.resolvers.count, 0);
	known_hosts_done(&hosts);
}

static void test_resolvers(void **state)
{
	namespace_test(resolvers);
}

static void tables(void)
{
	assert_int_equal(
		namespace_run(
			"ip addr add 192.168.7.6/24 dev e0; ip addr add 192.168.7.7/32 dev lo; "
			"ip addr add 192.168.7.8/24 dev e0-p; "
			"ip route add 10.0.0.0/8 via 192.168.7.2 dev e0; "
			"ip route add 10.1.0.0/16 via 192.168.7.3 dev e0 table 77; "
			"ip route add 10.2.0.0/16 nexthop via 192.168.7.30 dev e0 "
			"nexthop via 192.168.7.31 dev e0 nexthop via 192.168.7.32 dev e0; "
			"ip nexthop add id 7 via 192.168.7.33 dev e0; "
			"ip neigh add 192.168.7.20 lladdr 02:00:00:00:00:20 dev e0 nud permanent; "
			"ip neigh add 192.168.7.21 lladdr 02:00:00:00:00:21 dev e0 nud stale; "
			"ip neigh add 192.168.7.22 dev e0 nud failed; "
			"ip neigh add 192.168.7.23 lladdr 02:00:00:00:00:23 dev e0-p; "
			"ip neigh add proxy 192.168.7.24 dev e0; "
			"ip neigh add proxy 192.168.7.25 dev e0 proto 118; "
			"ip route add 192.168.7.26/32 dev lo; "
			"ip route add 192.168.7.27/32 dev lo proto 118"),
		0);
	read_hosts();
	assert_string_equal(owner("192.168.7.5"), "this host's");
	assert_string_equal(owner("192.168.7.6"), "this host's");
	assert_string_equal(owner("192.168.7.7"), "this host's");
	assert_string_equal(owner("192.168.7.8"), "this host's");
	assert_string_equal(owner("192.168.7.1"), "the router's");
	assert_string_equal(owner("192.168.7.2"), "the router's");
	assert_string_equal(owner("192.168.7.3"), "the router's");
	assert_string_equal(owner("192.168.7.30"), "the router's");
	assert_string_equal(owner("192.168.7.31"), "the router's");
	assert_string_equal(owner("192.168.7.32"), "the router's");
	assert_string_equal(owner("192.168.7.33"), "the router's");
	assert_string_equal(owner("192.168.7.20"), "a permanent neighbour's");
	assert_string_equal(owner("192.168.7.21"), "nobody's");
	assert_string_equal(owner("192.168.7.24"), "nobody's");
	assert_true(seen("192.168.7.21"));
	assert_false(seen("192.168.7.22"));
	assert_false(seen("192.168.7.23"));
	/* Host routes and proxy entries of other programs; ours have VMs that the service knows. */
	assert_true(seen("192.168.7.24"));
	assert_false(seen("192.168.7.25"));
	assert_true(seen("192.168.7.26"));
	assert_false(seen("192.168.7.27"));
	known_hosts_done(&hosts);
	assert_string_equal(owner("192.168.7.5"), "nobody's");
}

static void test_tables(void **state)
{
	namespace_test(tables);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resolvers),
		cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
