// SPDX-License-Identifier: GPL-2.0-or-later
// Reads and writes sysctls of interfaces in a namespace.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "netsetup/kernel/sysctl.h"
#include "tests/unit/support/namespace.h"

static void test_name(void **state)
{
	char text[128];

	assert_string_equal(sysctl_name(&(struct sysctl){ "ipv4/conf", "wlan0", "forwarding" },
					text, sizeof(text)),
			    "net.ipv4.conf.wlan0.forwarding");
	/* sysctl(8) reads the dot of a VLAN's name as a separator unless the name has slashes. */
	assert_string_equal(sysctl_name(&(struct sysctl){ "ipv4/conf", "eth0.5", "forwarding" },
					text, sizeof(text)),
			    "net/ipv4/conf/eth0.5/forwarding");
	assert_string_equal(
		sysctl_name(&(struct sysctl){ "ipv4/neigh", "0123456789abcde", "proxy_delay" },
			    text, sizeof(text)),
		"net.ipv4.neigh.0123456789abcde.proxy_delay");
	/* The text is truncated at the buffer's end. */
	assert_string_equal(
		sysctl_name(&(struct sysctl){ "ipv4/conf", "wlan0", "forwarding" }, text, 10),
		"net.ipv4.");
}

static void change(const char *tree, const char *ifname, const char *key, int value)
{
	const struct sysctl sysctl = { tree, ifname, key };
	struct error err = { 0 };
	int original = -99, read = -99;

	assert_int_equal(sysctl_read(&sysctl, &original, &err), 0);
	assert_int_not_equal(original, value);
	assert_int_equal(sysctl_write(&sysctl, value, &err), 0);
	assert_int_equal(sysctl_read(&sysctl, &read, &err), 0);
	assert_int_equal(read, value);
	assert_int_equal(sysctl_write(&sysctl, original, &err), 0);
	assert_int_equal(sysctl_read(&sysctl, &read, &err), 0);
	assert_int_equal(read, original);
}

static void values(void)
{
	const struct sysctl missing = { "ipv4/conf", "gone0", "forwarding" };
	const struct sysctl unknown = { "ipv4/conf", "e0", "no_such_key" };
	const struct sysctl refused = { "ipv4/conf", "e0", "tag" };
	unsigned int before = namespace_count_fds();
	struct error err = { 0 };
	int value = 7;

	assert_int_equal(namespace_run("ip link add e0.5 type veth peer name x && "
				       "ip link add '0123456789;$()' type veth peer name y"),
			 0);
	change("ipv4/conf", "e0", "forwarding", 1);
	change("ipv4/neigh", "e0", "proxy_delay", 0);
	change("ipv4/conf", "e0", "tag", -2147483647 - 1);
	change("ipv4/conf", "e0.5", "rp_filter", 2);
	change("ipv4/conf", "0123456789;$()", "proxy_arp", 1);

	assert_int_equal(sysctl_read(&missing, &value, &err), -ENOENT);
	assert_string_equal(err.message, "cannot open '/proc/sys/net/ipv4/conf/gone0/forwarding': "
					 "No such file or directory");
	assert_int_equal(sysctl_write(&missing, 1, &err), -ENOENT);
	assert_int_equal(sysctl_read(&unknown, &value, &err), -ENOENT);
	assert_int_equal(value, 7);
	assert_int_equal(namespace_count_fds(), before);
	assert_int_equal(namespace_drop_resource_rights(), 0);
	/* CAP_NET_ADMIN alone may write. */
	assert_int_equal(sysctl_write(&refused, 3, &err), 0);
}

static void test_values(void **state)
{
	namespace_test(values);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
