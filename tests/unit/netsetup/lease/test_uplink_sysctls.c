// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the uplink's shared values, restored after the last VM.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/kernel/netns.h"
#include "netsetup/lease/lease_dir.h"
#include "netsetup/lease/lease_stale.h"
#include "netsetup/lease/uplink_sysctls.h"
#include "tests/unit/support/namespace.h"

static struct in_addr address(const char *text)
{
	struct in_addr parsed;

	assert_true(ipv4_parse(text, &parsed));
	return parsed;
}

static struct host host_here(void)
{
	struct host host = { .arp = -1 };
	struct error err = { 0 };

	assert_int_equal(netlink_open(NETLINK_ROUTE, &host.route, &err), 0);
	return host;
}

static struct interface_id uplink(void)
{
	return (struct interface_id){ "e0", if_nametoindex("e0") };
}

static int lock(void)
{
	struct error err = { 0 };
	int dir = lease_dir_lock(true, &err);

	assert_true(dir >= 0);
	return dir;
}

static int value(const char *tree, const char *key)
{
	const struct sysctl sysctl = { tree, "e0", key };
	struct error err = { 0 };
	int number = -99;

	assert_int_equal(sysctl_read(&sysctl, &number, &err), 0);
	return number;
}

static void set_value(const char *tree, const char *key, int number)
{
	const struct sysctl sysctl = { tree, "e0", key };
	struct error err = { 0 };

	assert_int_equal(sysctl_write(&sysctl, number, &err), 0);
}

#define assert_values(forwarding, delay)                                        \
	do {                                                                    \
		assert_int_equal(value("ipv4/conf", "forwarding"), forwarding); \
		assert_int_equal(value("ipv4/neigh", "proxy_delay"), delay);    \
	} while (0)

static struct lease take(int dir, const char *name, const char *text)
{
	struct lease lease = { .fd = -1,
			       .record = { .magic = LEASE_MAGIC,
					   .launcher = 4711,
					   .uplink = "e0",
					   .ifindex = if_nametoindex("e0"),
					   .addresses = { address(text) },
					   .address_count = 1 } };
	struct error err = { 0 };

	strcpy(lease.record.name, name);
	ifname_of_tap(name, lease.record.tap);
	assert_int_equal(lease_take(dir, &lease, &err), 0);
	return lease;
}

/* The death of a holder does the same. */
static void die(struct lease *lease)
{
	close(lease->fd);
	lease->fd = -1;
}

static void remove_stale(int dir, struct host *host)
{
	struct error err = { 0 };

	assert_int_equal(lease_stale_remove(dir, host, &err), 0);
}

static void set(int dir, struct host *host)
{
	struct error err = { 0 };

	assert_int_equal(uplink_sysctls_set(dir, host, uplink(), &err), 0);
	assert_values(1, 0);
}

static void one(void)
{
	struct host host = host_here();
	int dir = lock();
	struct lease lease;
	int original;

	set_value("ipv4/neigh", "proxy_delay", 42);
	original = value("ipv4/neigh", "proxy_delay");
	lease = take(dir, "web", "192.168.7.9");
	set(dir, &host);
	remove_stale(dir, &host);
	assert_values(1, 0);
	lease_drop(dir, &lease);
	remove_stale(dir, &host);
	assert_values(0, original);
	remove_stale(dir, &host);
	assert_values(0, original);
	lease_dir_unlock(dir);
	assert_int_equal(access(NETNS_RUN_DIR, F_OK), -1);
	nl_socket_free(host.route);
}

static void test_one(void **state)
{
	namespace_test(one);
}

/* Starts a process that holds a lease and sets the values, until it is killed. */
static pid_t holder(const char *name, const char *text)
{
	int ready[2];
	char octet;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		struct host host = host_here();
		int dir = lock();

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		take(dir, name, text);
		set(dir, &host);
		lease_dir_unlock(dir);
		if (write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &octet, 1), 1);
	close(ready[0]);
	return child;
}

/* Three VMs, the first one killed: the values stay until the last one has ended. */
static void several(void)
{
	struct host host = host_here();
	pid_t first = holder("one", "192.168.7.11"), second = holder("two", "192.168.7.12");
	struct lease third;
	int dir = lock();

	third = take(dir, "three", "192.168.7.13");
	set(dir, &host);
	namespace_kill(first);
	remove_stale(dir, &host);
	assert_values(1, 0);
	lease_drop(dir, &third);
	remove_stale(dir, &host);
	assert_values(1, 0);
	namespace_kill(second);
	/* The dead lease was not removed yet. */
	assert_values(1, 0);
	remove_stale(dir, &host);
	assert_values(0, 80);
	lease_dir_unlock(dir);
	assert_int_equal(access(NETNS_RUN_DIR, F_OK), -1);
	nl_socket_free(host.route);
}

static void test_several(void **state)
{
	namespace_test(several);
}

/* A value that was right before the first VM is not restored. */
static void was_set(void)
{
	struct host host = host_here();
	int dir = lock();

	set_value("ipv4/conf", "forwarding", 1);
	set(dir, &host);
	remove_stale(dir, &host);
	assert_values(1, 80);
	set_value("ipv4/neigh", "proxy_delay", 0);
	set(dir, &host);
	/* Nothing was changed, so nothing is recorded. */
	assert_int_equal(namespace_run("! ls -d /run/vmrun/*/uplink-* 2>/dev/null"), 0);
	remove_stale(dir, &host);
	assert_values(1, 0);
	lease_dir_unlock(dir);
	nl_socket_free(host.route);
}

static void test_was_set(void **state)
{
	namespace_test(was_set);
}

/* Another program's change meanwhile stays, and does not affect the other value. */
static void others_choice(void)
{
	struct host host = host_here();
	int dir = lock();

	set(dir, &host);
	set_value("ipv4/neigh", "proxy_delay", 40);
	remove_stale(dir, &host);
	assert_values(0, 40);

	set(dir, &host);
	set_value("ipv4/conf", "forwarding", 0);
	remove_stale(dir, &host);
	assert_values(0, 40);
	lease_dir_unlock(dir);
	nl_socket_free(host.route);
}

static void test_others_choice(void **state)
{
	namespace_test(others_choice);
}

/* The same if another VM started after that change, and had to set the value again. */
static void others_choice_between(void)
{
	struct host host = host_here();
	int dir = lock();

	set(dir, &host);
	set_value("ipv4/neigh", "proxy_delay", 40);
	set(dir, &host);
	remove_stale(dir, &host);
	assert_values(0, 40);
	lease_dir_unlock(dir);
	nl_socket_free(host.route);
}

static void test_others_choice_between(void **state)
{
	namespace_test(others_choice_between);
}

/* The proxy entries of dead leases are removed; those of live leases and of other programs stay. */
static void proxy_entries(void)
{
	struct host host = host_here();
	struct lease dead, probing, reused, live, later;
	int dir = lock();

	dead = take(dir, "dead", "192.168.7.11");
	live = take(dir, "live", "192.168.7.12");
	reused = take(dir, "reused", "192.168.7.13");
	later = take(dir, "later", "192.168.7.13");
	probing = take(dir, "probing", "192.168.7.14");
	probing.record.addresses[1] = address("192.168.7.15");
	probing.record.address_count = 2;
	assert_int_equal(lease_update(dir, &probing, &(struct error){ 0 }), 0);
	assert_int_equal(namespace_run("for i in 1 2 3 4 5 6; do "
				       "ip neigh add proxy 192.168.7.1$i dev e0; done; "
				       "ip neigh add proxy 192.168.7.11 dev e0-p"),
			 0);
	die(&dead);
	die(&reused);
	die(&probing);
	remove_stale(dir, &host);
	assert_int_equal(namespace_run("[ \"$(ip neigh show proxy | cut -d' ' -f1,3 | sort | "
				       "tr '\\n' ' ')\" = '192.168.7.11 e0-p 192.168.7.12 e0 "
				       "192.168.7.13 e0 192.168.7.14 e0 192.168.7.15 e0 "
				       "192.168.7.16 e0 ' ]"),
			 0);
	assert_int_equal(namespace_run("[ \"$(ls /run/vmrun/*/ | tr '\\n' ' ')\" = "
				       "'lease-later lease-live ' ]"),
			 0);
	lease_drop(dir, &live);
	lease_drop(dir, &later);
	lease_dir_unlock(dir);
	nl_socket_free(host.route);
}

static void test_proxy_entries(void **state)
{
	namespace_test(proxy_entries);
}

/* An interface name that fits into no command does not keep its entry, or a later one, in place. */
static void strange_name(void)
{
	struct host host = host_here();
	int dir = lock();

	assert_int_equal(namespace_run("ip link add \"it's\" type veth peer name x && "
				       "ip neigh add proxy 192.168.7.11 dev \"it's\" proto 118 && "
				       "ip neigh add proxy 192.168.7.12 dev e0 proto 118 && "
				       "[ $(ip neigh show proxy | wc -l) = 2 ]"),
			 0);
	remove_stale(dir, &host);
	assert_int_equal(namespace_run("[ $(ip neigh show proxy | wc -l) = 0 ]"), 0);
	lease_dir_unlock(dir);
	nl_socket_free(host.route);
}

static void test_strange_name(void **state)
{
	namespace_test(strange_name);
}

/* The records do not apply to another interface of the same name. */
static void same_name(void)
{
	struct host host = host_here();
	struct lease dead;
	int dir = lock();

	dead = take(dir, "dead", "192.168.7.11");
	set(dir, &host);
	die(&dead);
	assert_int_equal(namespace_run("ip link del e0 && ip link add e0 type veth peer name x && "
				       "ip neigh add proxy 192.168.7.11 dev e0 && "
				       "echo 1 >/proc/sys/net/ipv4/conf/e0/forwarding && "
				       "echo 0 >/proc/sys/net/ipv4/neigh/e0/proxy_delay"),
			 0);
	remove_stale(dir, &host);
	assert_values(1, 0);
	assert_int_equal(namespace_run("ip neigh show proxy | grep -q 192.168.7.11"), 0);
	lease_dir_unlock(dir);
	assert_int_equal(access(NETNS_RUN_DIR, F_OK), -1);
	nl_socket_free(host.route);
}

static void test_same_name(void **state)
{
	namespace_test(same_name);
}

/* Each interface's values are restored, even if another one has its name now. */
static void name_passed_on(void)
{
	struct host host = host_here();
	struct lease first, second;
	int dir = lock();

	set_value("ipv4/neigh", "proxy_delay", 42);
	first = take(dir, "first", "192.168.7.11");
	set(dir, &host);
	assert_int_equal(namespace_run("ip link set e0 down && ip link set e0 name renamed && "
				       "ip link add e0 type veth peer name x"),
			 0);
	assert_values(0, 80);
	second = take(dir, "second", "192.168.8.11");
	set(dir, &host);
	lease_drop(dir, &first);
	remove_stale(dir, &host);
	assert_values(1, 0);
	assert_int_equal(namespace_run("cd /proc/sys/net/ipv4 && "
				       "[ \"$(cat conf/renamed/forwarding)\" = 0 ] && "
				       "[ \"$(cat neigh/renamed/proxy_delay)\" = 42 ]"),
			 0);
	lease_drop(dir, &second);
	remove_stale(dir, &host);
	assert_values(0, 80);
	lease_dir_unlock(dir);
	assert_int_equal(access(NETNS_RUN_DIR, F_OK), -1);
	nl_socket_free(host.route);
}

static void test_name_passed_on(void **state)
{
	namespace_test(name_passed_on);
}

/* An unplugged uplink: there is nothing to restore, and no error. */
static void gone(void)
{
	struct host host = host_here();
	struct lease dead;
	int dir = lock();

	dead = take(dir, "dead", "192.168.7.11");
	set(dir, &host);
	die(&dead);
	assert_int_equal(namespace_run("ip link del e0"), 0);
	remove_stale(dir, &host);
	lease_dir_unlock(dir);
	assert_int_equal(access(NETNS_RUN_DIR, F_OK), -1);
	nl_socket_free(host.route);
}

static void test_gone(void **state)
{
	namespace_test(gone);
}

/* Killed after the record was written and before the values were: they stay as they were. */
static void killed_between(void)
{
	struct host host = host_here();
	int dir = lock();

	set(dir, &host);
	set_value("ipv4/conf", "forwarding", 0);
	set_value("ipv4/neigh", "proxy_delay", 80);
	remove_stale(dir, &host);
	assert_values(0, 80);
	lease_dir_unlock(dir);
	nl_socket_free(host.route);
}

static void test_killed_between(void **state)
{
	namespace_test(killed_between);
}

/* A record that cannot be read is an error; the record and the values stay. */
static void unreadable(void)
{
	struct host host = host_here();
	struct error err = { 0 };
	char file[32], message[128];
	int dir = lock();

	snprintf(file, sizeof(file), "uplink-%u", if_nametoindex("e0"));
	snprintf(message, sizeof(message),
		 "cannot open '%s' in '/run/vmrun': Too many levels of symbolic links", file);
	assert_int_equal(symlinkat("elsewhere", dir, file), 0);
	assert_true(uplink_sysctls_set(dir, &host, uplink(), &err) < 0);
	assert_string_equal(err.message, message);
	assert_values(0, 80);
	assert_true(lease_stale_remove(dir, &host, &err) < 0);
	assert_int_equal(faccessat(dir, file, F_OK, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(unlinkat(dir, file, 0), 0);

	/* Garbage is no record; a file without an interface's name is skipped. */
	assert_int_equal(namespace_run("cd /run/vmrun/* && "
				       "echo garbage >uplink-$(cat /sys/class/net/e0/ifindex) && "
				       "echo 1 >uplink-all && echo 1 >uplink-default && "
				       "echo 1 >uplink-.. && echo 1 >uplink-"),
			 0);
	set(dir, &host);
	remove_stale(dir, &host);
	assert_values(0, 80);
	assert_int_equal(namespace_run("cd /run/vmrun/* && [ \"$(ls | wc -l)\" = 4 ] && rm *"), 0);
	lease_dir_unlock(dir);
	nl_socket_free(host.route);
}

static void test_unreadable(void **state)
{
	namespace_test(unreadable);
}

static void count(const char *command, void *context)
{
	unsigned int *said = context;

	(*said)++;
}

static void dry_run(void)
{
	unsigned int said = 0;
	struct host host = { .arp = -1, .dry_run = true, .report = count, .context = &said };
	struct error err = { 0 };

	assert_int_equal(uplink_sysctls_set(-1, &host, uplink(), &err), 0);
	assert_int_equal(said, 2);
	assert_values(0, 80);
	assert_int_equal(access(NETNS_RUN_DIR, F_OK), -1);
}

static void test_dry_run(void **state)
{
	namespace_test(dry_run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_was_set),
		cmocka_unit_test(test_others_choice),
		cmocka_unit_test(test_others_choice_between),
		cmocka_unit_test(test_proxy_entries),
		cmocka_unit_test(test_strange_name),
		cmocka_unit_test(test_same_name),
		cmocka_unit_test(test_name_passed_on),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_killed_between),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_dry_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
