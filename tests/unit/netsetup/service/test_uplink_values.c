// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the uplink's shared values, restored after the last VM.
#include <errno.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/service/uplink_values.h"
#include "tests/unit/support/namespace.h"

/* The VMs' uplinks, and what the state file would have: the records at the last save. */
static unsigned int used[2];
static struct uplink_records saved;
static int save_result;

static int save(void *context, struct error *err)
{
	const struct uplink_records *records = context;

	if (save_result < 0)
		return error_set_errno(err, -save_result, "cannot write the state");
	saved = *records;
	return 0;
}

static struct uplink_records records = { .save = save, .context = &records };

static bool in_use(unsigned int ifindex, const void *context)
{
	return ifindex == used[0] || ifindex == used[1];
}

static struct host host_here(void)
{
	struct host host = { 0 };
	struct error err = { 0 };

	assert_int_equal(netlink_open(NETLINK_ROUTE, &host.route, &err), 0);
	return host;
}

static struct interface_id uplink(void)
{
	return (struct interface_id){ "e0", if_nametoindex("e0") };
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

static void restore(struct host *host)
{
	struct error err = { 0 };

	assert_int_equal(uplink_values_restore(&records, host, in_use, NULL, &err), 0);
}

static void set(struct host *host)
{
	struct error err = { 0 };

	assert_int_equal(uplink_values_set(&records, host, uplink(), &err), 0);
	assert_values(1, 0);
}

static void one(void)
{
	struct host host = host_here();
	int original;

	set_value("ipv4/neigh", "proxy_delay", 42);
	original = value("ipv4/neigh", "proxy_delay");
	used[0] = uplink().ifindex;
	set(&host);
	assert_int_equal(saved.count, 1);
	restore(&host);
	assert_values(1, 0);
	/* The second VM of the uplink finds all set. */
	set(&host);
	assert_int_equal(records.count, 1);
	used[0] = 0;
	restore(&host);
	assert_values(0, original);
	assert_int_equal(records.count, 0);
	restore(&host);
	assert_values(0, original);
	nl_socket_free(host.route);
}

static void test_one(void **state)
{
	namespace_test(one);
}

/* Of two uplinks only the one without a VM is restored. */
static void several(void)
{
	struct host host = host_here();
	const struct interface_id other = { "e0-p", if_nametoindex("e0-p") };
	struct error err = { 0 };

	used[0] = uplink().ifindex;
	used[1] = other.ifindex;
	set(&host);
	assert_int_equal(uplink_values_set(&records, &host, other, &err), 0);
	assert_int_equal(records.count, 2);
	used[0] = 0;
	restore(&host);
	assert_values(0, 80);
	assert_int_equal(records.count, 1);
	assert_int_equal(records.records[0].ifindex, other.ifindex);
	assert_int_equal(namespace_run("[ $(cat /proc/sys/net/ipv4/conf/e0-p/forwarding) = 1 ]"),
			 0);
	used[1] = 0;
	restore(&host);
	assert_int_equal(namespace_run("[ $(cat /proc/sys/net/ipv4/conf/e0-p/forwarding) = 0 ]"),
			 0);
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

	set_value("ipv4/conf", "forwarding", 1);
	set(&host);
	restore(&host);
	assert_values(1, 80);
	set_value("ipv4/neigh", "proxy_delay", 0);
	set(&host);
	/* Nothing was changed, so nothing is recorded. */
	assert_int_equal(records.count, 0);
	restore(&host);
	assert_values(1, 0);
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

	set(&host);
	set_value("ipv4/neigh", "proxy_delay", 40);
	restore(&host);
	assert_values(0, 40);

	set(&host);
	set_value("ipv4/conf", "forwarding", 0);
	restore(&host);
	assert_values(0, 40);
	nl_socket_free(host.route);
}

static void test_others_choice(void **state)
{
	namespace_test(others_choice);
}

/* The same if a VM needed the value again after that change. */
static void others_choice_between(void)
{
	struct host host = host_here();

	set(&host);
	set_value("ipv4/neigh", "proxy_delay", 40);
	set(&host);
	restore(&host);
	assert_values(0, 40);
	nl_socket_free(host.route);
}

static void test_others_choice_between(void **state)
{
	namespace_test(others_choice_between);
}

/* Docker sets ip_forward meanwhile: the uplink goes on forwarding. */
static void set_for_all(void)
{
	struct host host = host_here();

	set(&host);
	assert_int_equal(namespace_run("echo 1 >/proc/sys/net/ipv4/ip_forward"), 0);
	restore(&host);
	assert_values(1, 80);
	nl_socket_free(host.route);
}

static void test_set_for_all(void **state)
{
	namespace_test(set_for_all);
}

/* The records do not apply to another interface of the same name. */
static void same_name(void)
{
	struct host host = host_here();

	set(&host);
	assert_int_equal(namespace_run("ip link del e0 && ip link add e0 type veth peer name x && "
				       "echo 1 >/proc/sys/net/ipv4/conf/e0/forwarding && "
				       "echo 0 >/proc/sys/net/ipv4/neigh/e0/proxy_delay"),
			 0);
	restore(&host);
	assert_values(1, 0);
	assert_int_equal(records.count, 0);
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

	set_value("ipv4/neigh", "proxy_delay", 42);
	set(&host);
	assert_int_equal(namespace_run("ip link set e0 down && ip link set e0 name renamed && "
				       "ip link add e0 type veth peer name x"),
			 0);
	assert_values(0, 80);
	used[0] = uplink().ifindex;
	set(&host);
	restore(&host);
	assert_values(1, 0);
	assert_int_equal(namespace_run("cd /proc/sys/net/ipv4 && "
				       "[ \"$(cat conf/renamed/forwarding)\" = 0 ] && "
				       "[ \"$(cat neigh/renamed/proxy_delay)\" = 42 ]"),
			 0);
	used[0] = 0;
	restore(&host);
	assert_values(0, 80);
	nl_socket_free(host.route);
}

static void test_name_passed_on(void **state)
{
	namespace_test(name_passed_on);
}

/* A name that fits into no path: its record stays, the others are restored. */
static void strange_name(void)
{
	struct host host = host_here();
	struct error err = { 0 };

	set(&host);
	assert_int_equal(namespace_run("ip link set e0 down && ip link set e0 name \"it's\" && "
				       "ip link add e0 type veth peer name x"),
			 0);
	set(&host);
	assert_int_equal(uplink_values_restore(&records, &host, in_use, NULL, &err), -EINVAL);
	assert_values(0, 80);
	assert_int_equal(records.count, 1);
	assert_int_equal(namespace_run("ip link del e0 && ip link set \"it's\" name e0"), 0);
	restore(&host);
	assert_values(0, 80);
	nl_socket_free(host.route);
}

static void test_strange_name(void **state)
{
	namespace_test(strange_name);
}

/* An unplugged uplink: there is nothing to restore, and no error. */
static void gone(void)
{
	struct host host = host_here();

	set(&host);
	assert_int_equal(namespace_run("ip link del e0"), 0);
	restore(&host);
	assert_int_equal(records.count, 0);
	nl_socket_free(host.route);
}

static void test_gone(void **state)
{
	namespace_test(gone);
}

/* Killed after the records were saved and before the values were set: they stay as they were. */
static void killed_between(void)
{
	struct host host = host_here();

	set(&host);
	records.count = saved.count;
	memcpy(records.records, saved.records, sizeof(saved.records));
	set_value("ipv4/conf", "forwarding", 0);
	set_value("ipv4/neigh", "proxy_delay", 80);
	restore(&host);
	assert_values(0, 80);
	nl_socket_free(host.route);
}

static void test_killed_between(void **state)
{
	namespace_test(killed_between);
}

/* Records that cannot be saved, or have no place: nothing is changed. */
static void unsaved(void)
{
	struct host host = host_here();
	struct error err = { 0 };

	save_result = -ENOSPC;
	assert_int_equal(uplink_values_set(&records, &host, uplink(), &err), -ENOSPC);
	assert_values(0, 80);
	save_result = 0;
	records.count = UPLINK_RECORDS_MAX;
	for (uint32_t i = 0; i < UPLINK_RECORDS_MAX; i++)
		records.records[i] = (struct uplink_record){ .ifindex = 1000 + i };
	assert_int_equal(uplink_values_set(&records, &host, uplink(), &err), -ENOSPC);
	assert_values(0, 80);
	/* Records of interfaces that are gone make room. */
	restore(&host);
	set(&host);
	assert_int_equal(saved.count, 1);
	nl_socket_free(host.route);
}

static void test_unsaved(void **state)
{
	namespace_test(unsaved);
}

static void count(const char *command, void *context)
{
	unsigned int *said = context;

	(*said)++;
}

static void dry_run(void)
{
	unsigned int said = 0;
	struct host host = host_here();
	struct error err = { 0 };

	host.dry_run = true;
	host.report = count;
	host.context = &said;
	assert_int_equal(uplink_values_set(&records, &host, uplink(), &err), 0);
	assert_int_equal(said, 2);
	assert_values(0, 80);
	assert_int_equal(records.count, 0);

	/* 'vmrun clean --dry-run': the caller has a copy of the record. */
	host.dry_run = false;
	set(&host);
	host.dry_run = true;
	restore(&host);
	assert_values(1, 0);
	assert_int_equal(records.count, 0);
	nl_socket_free(host.route);
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
		cmocka_unit_test(test_set_for_all),
		cmocka_unit_test(test_same_name),
		cmocka_unit_test(test_name_passed_on),
		cmocka_unit_test(test_strange_name),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_killed_between),
		cmocka_unit_test(test_unsaved),
		cmocka_unit_test(test_dry_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
