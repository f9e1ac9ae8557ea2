// SPDX-License-Identifier: GPL-2.0-or-later
// Tests that what dead services have left is removed, and nothing else.
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "netsetup/service/attach.h"
#include "netsetup/service/service.h"
#include "netsetup/service/stale.h"
#include "tests/unit/support/service.h"

static unsigned int reports;

static void count(const char *command, void *context)
{
	reports++;
}

static void remove_stale(bool dry_run)
{
	struct host host = { .dry_run = dry_run, .report = count };
	struct error err = { 0 };

	reports = 0;
	assert_int_equal(netlink_open(NETLINK_ROUTE, &host.route, &err), 0);
	if (stale_undo(&service, &host, &err) < 0)
		fail_msg("%s", err.message);
	nl_socket_free(host.route);
}

/* A VM of the state that was not made by this test's host. */
static struct vm *know(const char *name, const char *text, const char *tap)
{
	const struct attach_record attach = attach_for(name);
	int client;
	struct vm *vm = service_vm(&attach, &client);

	close(client);
	vm->record.address = address(text);
	vm->record.published_on = if_nametoindex("e0");
	vm->record.tap_ifindex = if_nametoindex(tap);
	return vm;
}

#define PROXIES(list) \
	"[ \"$(ip neigh show proxy | cut -d' ' -f1,3 | sort | tr '\\n' ' ')\" = '" list "' ]"

/* Proxy entries of ours that no VM needs there go; those of other programs stay. */
static void proxies(void)
{
	service_open();
	know("web", "192.168.7.12", "lo");
	assert_int_equal(namespace_run("for i in 1 2 3; do "
				       "ip neigh add proxy 192.168.7.1$i dev e0 proto 118; done; "
				       "ip neigh add proxy 192.168.7.12 dev e0-p proto 118; "
				       "ip neigh add proxy 192.168.7.14 dev e0; "
				       "ip neigh add proxy 192.168.7.15 dev e0 proto 17"),
			 0);
	remove_stale(true);
	assert_int_equal(reports, 3);
	assert_int_equal(namespace_run("[ $(ip neigh show proxy | wc -l) = 6 ]"), 0);
	remove_stale(false);
	assert_int_equal(reports, 3);
	assert_int_equal(namespace_run(PROXIES("192.168.7.12 e0 192.168.7.14 e0 192.168.7.15 e0 ")),
			 0);
	remove_stale(false);
	assert_int_equal(reports, 0);
	service_close();
}

static void test_proxies(void **state)
{
	namespace_test(proxies);
}

/* An interface name that fits into no command does not keep its entry, or a later one, in place. */
static void strange_name(void)
{
	service_open();
	assert_int_equal(namespace_run("ip link add \"it's\" type veth peer name x && "
				       "ip neigh add proxy 192.168.7.11 dev \"it's\" proto 118 && "
				       "ip neigh add proxy 192.168.7.12 dev e0 proto 118 && "
				       "[ $(ip neigh show proxy | wc -l) = 2 ]"),
			 0);
	remove_stale(false);
	assert_int_equal(namespace_run("[ $(ip neigh show proxy | wc -l) = 0 ]"), 0);
	service_close();
}

static void test_strange_name(void **state)
{
	namespace_test(strange_name);
}

/*
 * A persistent tap outlives its service. Another program's tap, or other kinds of ours, do not go.
 */
static void taps(void)
{
	service_open();
	assert_int_equal(
		namespace_run("for i in dead live; do "
			      "ip tuntap add dev vmr-$i mode tap && "
			      "ip link set vmr-$i alias vmrun; done; "
			      "ip tuntap add dev vmr-foreign mode tap; "
			      "ip tuntap add dev tap7 mode tap; ip link set tap7 alias vmrun; "
			      "ip link add vmr-veth type veth peer name x; "
			      "ip link set vmr-veth alias vmrun"),
		0);
	know("live", "192.168.7.12", "vmr-live");
	remove_stale(true);
	assert_int_equal(reports, 1);
	assert_true(if_nametoindex("vmr-dead") != 0);
	remove_stale(false);
	assert_int_equal(if_nametoindex("vmr-dead"), 0);
	assert_true(if_nametoindex("vmr-live") != 0);
	assert_true(if_nametoindex("vmr-foreign") != 0);
	assert_true(if_nametoindex("tap7") != 0);
	assert_true(if_nametoindex("vmr-veth") != 0);
	service_close();
}

static void test_taps(void **state)
{
	namespace_test(taps);
}

/* Attaches a VM, and kills its service; QEMU has the tap. Returns QEMU's descriptor. */
static int left_behind(void)
{
	const struct attach_record attach = attach_at("web", "192.168.7.9");
	struct error err = { 0 };
	struct vm *vm;
	int client, tap;

	service_open();
	vm = service_vm(&attach, &client);
	assert_int_equal(attach_begin(&service, vm, &err), ATTACH_DONE);
	tap = fcntl(vm->tap_fds[0], F_DUPFD_CLOEXEC, 0);
	close(client);
	service_restart();
	return tap;
}

/* The place of a VM of the state file stays whole; when it is forgotten, all of it goes. */
static void killed(void)
{
	cleanup_free char *before = namespace_state();
	cleanup_free char *made = NULL;
	const int tap = left_behind();
	struct vm *vm = service.vms;

	assert_non_null(vm);
	made = namespace_state();
	remove_stale(false);
	assert_true(namespace_unchanged(made));
	state_remove(&service, vm);
	remove_stale(true);
	assert_true(namespace_unchanged(made));
	remove_stale(false);
	vm_free(vm);
	service_close();
	assert_true(namespace_unchanged(before));
	close(tap);
}

static void test_killed(void **state)
{
	namespace_test(killed);
}

/* 'vmrun-netsetup --clean' after the last service: also the VMs of the state file go. */
static void cleaned(void)
{
	cleanup_free char *before = namespace_state();
	struct error err = { 0 };
	const int tap = left_behind();

	assert_int_equal(service_clean(&err), -EAGAIN);
	assert_true(if_nametoindex("vmr-web") != 0);
	vm_free(service.vms);
	close(service.dir);
	assert_int_equal(service_clean(&err), 0);
	assert_true(namespace_unchanged(before));
	assert_int_equal(service_clean(&err), 0);
	assert_true(namespace_unchanged(before));
	close(tap);
	close(worker);
	close(service.worker.socket);
}

static void test_cleaned(void **state)
{
	namespace_test(cleaned);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_proxies), cmocka_unit_test(test_strange_name),
		cmocka_unit_test(test_taps),    cmocka_unit_test(test_killed),
		cmocka_unit_test(test_cleaned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
