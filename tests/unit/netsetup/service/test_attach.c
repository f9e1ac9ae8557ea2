// SPDX-License-Identifier: GPL-2.0-or-later
// Tests attachments in a network namespace: made, moved, resumed, undone.
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "netsetup/service/access.h"
#include "netsetup/service/attach.h"
#include "netsetup/service/client.h"
#include "tests/unit/support/service.h"

static const struct ether_addr router_mac = { { 2, 0, 0, 0, 0, 1 } };

#define KNOWN_ROUTER "ip neigh replace 192.168.7.1 lladdr 02:00:00:00:00:01 dev e0 nud reachable"

static bool published(const char *text)
{
	char command[128];

	snprintf(command, sizeof(command),
		 "ip neigh show proxy | grep -q '^%s dev e0 *proxy proto 118'", text);
	return namespace_run(command) == 0;
}

static bool routed(const char *text)
{
	char command[128];

	snprintf(command, sizeof(command),
		 "ip route show proto 118 | grep -q '^%s dev vmr-web scope link'", text);
	return namespace_run(command) == 0;
}

/* Attaches a VM whose request needs no probe. */
static struct vm *make(const struct attach_record *attach, int *client)
{
	struct vm *vm = service_vm(attach, client);
	struct error err = { 0 };

	assert_int_equal(protocol_attach_check(attach, &err), 0);
	if (attach_begin(&service, vm, &err) != ATTACH_DONE)
		fail_msg("%s\n%s", err.message, err.remedy);
	return vm;
}

static void undo(struct vm *vm, int client)
{
	struct error err = { 0 };

	if (attach_end(&service, vm, &err) < 0)
		fail_msg("%s", err.message);
	vm_free(vm);
	close(client);
}

static void move_now(struct vm *vm)
{
	struct error err = { 0 };

	if (attach_move(&service, vm, &err) != ATTACH_DONE)
		fail_msg("%s\n%s", err.message, err.remedy);
}

static void whole(void)
{
	cleanup_free char *before = namespace_state();
	const unsigned int open = namespace_count_fds();
	struct attach_record attach = attach_at("web", "192.168.7.9");
	struct worker_message message;
	size_t fds;
	struct vm *vm;
	int client;

	service_open();
	assert_int_equal(namespace_run("ip link set e0 mtu 1400"), 0);
	attach.queues = 4;
	attach.offload = 1;
	attach.dhcp = 1;
	vm = make(&attach, &client);
	for (size_t i = 0; i < QUEUES_MAX; i++) {
		assert_int_equal(vm->tap_fds[i] >= 0, i < 4);
		if (i < 4)
			assert_int_equal(fcntl(vm->tap_fds[i], F_GETFD), FD_CLOEXEC);
	}
	assert_true(vm->dhcp >= 0);
	assert_int_equal(vm->record.tap_ifindex, if_nametoindex("vmr-web"));
	assert_true(published("192.168.7.9") && routed("192.168.7.9"));
	assert_int_equal(
		namespace_run(
			"set -e; ip link show vmr-web | grep -q 'UP.*mtu 1400'; "
			"ip link show vmr-web | grep -q 'alias vmrun'; "
			"ip -d link show vmr-web | grep -q 'tun type tap.*vnet_hdr on.*persist "
			"off'; "
			"[ -z \"$(ip addr show vmr-web | grep inet)\" ]; "
			"nft list chain netdev vmrun-e0 "
			"tap_$(ip -o link show vmr-web | cut -d : -f 1) >/dev/null; "
			"cd /proc/sys/net; "
			"[ $(cat ipv4/conf/vmr-web/forwarding ipv4/conf/vmr-web/proxy_arp "
			"ipv4/conf/vmr-web/rp_filter ipv6/conf/vmr-web/disable_ipv6 "
			"ipv4/neigh/vmr-web/proxy_delay ipv4/conf/e0/forwarding "
			"ipv4/neigh/e0/proxy_delay ipv4/ip_forward ipv4/conf/e0/proxy_arp | "
			"tr -d '\\n') = 111101000 ]"),
		0);

	message = worker_next(&fds);
	assert_int_equal(message.type, WORKER_OPEN);
	assert_int_equal(fds, 1);
	assert_memory_equal(&message.mac, &vm->uplink.mac, sizeof(message.mac));
	assert_memory_equal(&message.guest, &vm->record.attach.mac, sizeof(message.mac));
	assert_int_equal(message.vm, vm->record.id);
	message = worker_next(&fds);
	assert_int_equal(message.type, WORKER_DHCP);
	assert_int_equal(fds, 2);
	message = worker_next(&fds);
	assert_int_equal(message.type, WORKER_SOURCES);
	assert_int_equal(fds, 1);
	message = worker_next(NULL);
	assert_int_equal(message.type, WORKER_DEFEND);
	assert_int_equal(message.announce, 1);
	assert_address(message.address, "192.168.7.9");

	undo(vm, client);
	assert_int_equal(worker_next(NULL).type, WORKER_REST);
	assert_int_equal(worker_next(NULL).type, WORKER_FORGET);
	assert_int_equal(namespace_run("ip link set e0 mtu 1500"), 0);
	service_close();
	assert_true(namespace_unchanged(before));
	assert_int_equal(namespace_count_fds(), open);
}

static void test_whole(void **state)
{
	namespace_test(whole);
}

/* A process holds the tap, as QEMU does. */
static void held(void)
{
	cleanup_free char *before = namespace_state();
	const struct attach_record attach = attach_at("web", "192.168.7.9");
	struct vm *vm;
	int client, held_fd;

	service_open();
	vm = make(&attach, &client);
	held_fd = fcntl(vm->tap_fds[0], F_DUPFD_CLOEXEC, 0);
	undo(vm, client);
	service_close();
	assert_true(namespace_unchanged(before));
	close(held_fd);
}

static void test_held(void **state)
{
	namespace_test(held);
}

/* A refused request, the error's code and the beginning of its message. */
struct refusal {
	const char *script;
	void (*change)(struct attach_record *attach);
	int ret;
	enum exit_status status;
	const char *message;
};

#define CHANGE(name, statement)                        \
	static void name(struct attach_record *attach) \
	{                                              \
		statement;                             \
	}

CHANGE(outside, attach->address = address("192.168.8.9"))
CHANGE(broadcast, attach->address = address("192.168.7.255"))
CHANGE(hosts, attach->address = address("192.168.7.5"))
CHANGE(second, attach->address = address("192.168.7.6"))
CHANGE(router, attach->address = address("192.168.7.1"))
CHANGE(avoided, attach->address = attach->avoided[3] = address("192.168.7.3"))
CHANGE(far_range, attach->address.s_addr = INADDR_ANY; attach->range_first = address("10.0.0.1");
       attach->range_last = address("10.0.0.9"))
CHANGE(full_range, attach->address.s_addr = INADDR_ANY;
       attach->range_first = attach->range_last = attach->avoided[0] = address("192.168.7.3"))
CHANGE(no_uplink, attach->ifindex = 4711)
CHANGE(far_uplink, attach->ifindex = if_nametoindex("e0-p"))
CHANGE(loopback, attach->ifindex = 1; attach->host = address("127.0.0.1"))
CHANGE(far_host, attach->host = address("192.168.7.6"))
CHANGE(nothing, )

static const struct refusal refusals[] = {
	{ "true", outside, -EADDRNOTAVAIL, STATUS_NETWORK,
	  "address 192.168.8.9 is not a host's address in 192.168.7.0/24, the subnet of uplink "
	  "'e0'" },
	{ "true", broadcast, -EADDRNOTAVAIL, STATUS_NETWORK, "address 192.168.7.255 is not" },
	{ "true", hosts, -EADDRINUSE, STATUS_NETWORK, "address 192.168.7.5 is this host's" },
	{ "ip addr add 192.168.7.6/24 dev e0", second, -EADDRINUSE, STATUS_NETWORK,
	  "address 192.168.7.6 is this host's" },
	{ "ip addr add 192.168.7.6/32 dev lo", second, -EADDRINUSE, STATUS_NETWORK,
	  "address 192.168.7.6 is this host's" },
	{ "true", router, -EADDRINUSE, STATUS_NETWORK, "address 192.168.7.1 is the router's" },
	{ "true", avoided, -EADDRINUSE, STATUS_NETWORK,
	  "address 192.168.7.3 is another machine's" },
	{ "true", far_range, -EADDRNOTAVAIL, STATUS_NETWORK,
	  "range 10.0.0.1-10.0.0.9 has no host's address in 192.168.7.0/24" },
	{ "true", full_range, -EADDRNOTAVAIL, STATUS_NETWORK,
	  "no free address from 192.168.7.3 to 192.168.7.3 in 192.168.7.0/24 on 'e0'" },
	{ "true", no_uplink, -ENODEV, STATUS_NETWORK, "the uplink does not exist" },
	{ "ip link set e0-p down", far_uplink, -ENODEV, STATUS_NETWORK,
	  "cannot use uplink 'e0-p': down" },
	{ "true", far_uplink, -ENODEV, STATUS_NETWORK,
	  "cannot use uplink 'e0-p': it does not have the given address" },
	{ "true", far_host, -ENODEV, STATUS_NETWORK,
	  "cannot use uplink 'e0': it does not have the given address" },
	{ "true", loopback, -ENODEV, STATUS_NETWORK, "cannot use uplink 'lo': " },
	{ "ip link add b0 type bridge && ip link set e0 master b0", nothing, -ENODEV,
	  STATUS_NETWORK, "cannot use uplink 'e0': a port of another interface" },
	{ "ip tuntap add dev vmr-web mode tap", nothing, -EBUSY, STATUS_FAILURE,
	  "cannot create tap 'vmr-web': Device or resource busy" },
	{ "ip route add 192.168.7.9/32 dev lo", nothing, -EEXIST, STATUS_NETWORK,
	  "address 192.168.7.9 already has a route of another program, through 'lo'" },
	{ "ip route add 192.168.7.9/32 dev lo proto 118", nothing, -EADDRINUSE, STATUS_NETWORK,
	  "address 192.168.7.9 is reached by another interface than 'e0'" },
};

static const struct refusal *refusal_now;

static void refused(void)
{
	struct attach_record attach = attach_at("web", "192.168.7.9");
	cleanup_free char *before = NULL;
	struct error err = { 0 };
	unsigned int fds;
	struct vm *vm;
	int client, ret;

	assert_int_equal(namespace_run(refusal_now->script), 0);
	before = namespace_state();
	fds = namespace_count_fds();
	service_open();
	refusal_now->change(&attach);
	vm = service_vm(&attach, &client);
	ret = attach_begin(&service, vm, &err);
	if (ret != refusal_now->ret ||
	    strncmp(err.message, refusal_now->message, strlen(refusal_now->message)) != 0)
		fail_msg("%d %s", ret, err.message);
	assert_int_equal(err.code, -ret);
	assert_int_equal(err.status, refusal_now->status);
	undo(vm, client);
	service_close();
	assert_true(namespace_unchanged(before));
	assert_int_equal(namespace_count_fds(), fds);
}

static void test_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		refusal_now = &refusals[i];
		namespace_test(refused);
	}
}

/* Two VMs on one uplink get the only two addresses; a third finds none. */
static void two(void)
{
	cleanup_free char *before = namespace_state();
	struct attach_record attaches[] = { attach_for("one"), attach_for("two"),
					    attach_for("red") };
	struct error err = { 0 };
	struct vm *vms[3];
	int clients[3];

	service_open();
	for (size_t i = 0; i < 3; i++) {
		attaches[i].range_first = address("192.168.7.20");
		attaches[i].range_last = address("192.168.7.21");
	}
	vms[0] = make(&attaches[0], &clients[0]);
	vms[1] = make(&attaches[1], &clients[1]);
	assert_false(ipv4_equal(vms[0]->record.address, vms[1]->record.address));
	vms[2] = service_vm(&attaches[2], &clients[2]);
	assert_int_equal(attach_begin(&service, vms[2], &err), -EADDRNOTAVAIL);
	undo(vms[2], clients[2]);
	undo(vms[0], clients[0]);
	assert_int_equal(namespace_run("cd /proc/sys/net/ipv4 && [ $(cat conf/e0/forwarding "
				       "neigh/e0/proxy_delay | tr -d '\\n') = 10 ]"),
			 0);
	undo(vms[1], clients[1]);
	service_close();
	assert_true(namespace_unchanged(before));
}

static void test_two(void **state)
{
	namespace_test(two);
}

/* Returns what an attach with this MAC and path returns; the VM is undone. */
static int attach_mac(const char *name, struct ether_addr mac, enum network_path path,
		      struct error *err)
{
	struct attach_record attach = attach_at(name, "192.168.7.10");
	struct vm *vm;
	int client, ret;

	attach.mac = mac;
	attach.path = path;
	vm = service_vm(&attach, &client);
	ret = attach_begin(&service, vm, err);
	undo(vm, client);
	return ret;
}

/*
 * A bridged VM is refused with the MAC of the router, of this host, or of a bridged VM on its
 * uplink, which is not named: it may be another user's. No one else needs a MAC of its own.
 */
static void stolen_mac(void)
{
	const struct ether_addr former = { { 2, 0, 0, 0, 0, 0x55 } };
	struct attach_record attach = attach_at("web", "192.168.7.9");
	struct error err = { 0 };
	struct vm *vm;
	int client;

	service_open();
	assert_int_equal(namespace_run(KNOWN_ROUTER), 0);
	assert_int_equal(attach_mac("red", router_mac, PATH_BRIDGED, &err), -EEXIST);
	assert_string_equal(err.message, "MAC address 02:00:00:00:00:01 is the router's");
	assert_int_equal(attach_mac("red", router_mac, PATH_ROUTED, &err), ATTACH_DONE);
	service.own_macs[3] = former;
	assert_int_equal(attach_mac("red", former, PATH_BRIDGED, &err), -EEXIST);
	assert_string_equal(err.message, "MAC address 02:00:00:00:00:55 is this host's");

	attach.path = PATH_BRIDGED;
	vm = make(&attach, &client);
	move_now(vm);
	assert_int_equal(attach_mac("red", attach.mac, PATH_ROUTED, &err), ATTACH_DONE);
	assert_int_equal(attach_mac("red", attach.mac, PATH_BRIDGED, &err), -EEXIST);
	assert_non_null(strstr(err.message, "is another VM's"));
	assert_null(strstr(err.message, "web"));
	undo(vm, client);
	attach.path = PATH_ROUTED;
	vm = make(&attach, &client);
	assert_int_equal(attach_mac("red", attach.mac, PATH_BRIDGED, &err), ATTACH_DONE);
	undo(vm, client);
	service_close();
}

static void test_stolen_mac(void **state)
{
	namespace_test(stolen_mac);
}

/* The second VM of a name is refused, whatever else it requests, and the first one stays. */
static void same_name(void)
{
	struct attach_record attach = attach_at("web", "192.168.7.9");
	cleanup_free char *made = NULL;
	struct error err = { 0 };
	struct vm *first, *second;
	int clients[2];

	service_open();
	first = make(&attach, &clients[0]);
	made = namespace_state();
	for (int i = 0; i < 2; i++) {
		second = service_vm(&attach, &clients[1]);
		assert_int_equal(attach_begin(&service, second, &err), -EEXIST);
		assert_string_equal(err.message,
				    "VM 'web' is already running: pid 4711, 192.168.7.9");
		undo(second, clients[1]);
		attach.address = address("192.168.7.10");
	}
	attach = attach_at("other", "192.168.7.9");
	second = service_vm(&attach, &clients[1]);
	assert_int_equal(attach_begin(&service, second, &err), -EADDRINUSE);
	assert_string_equal(err.message,
			    "address 192.168.7.9 is in use by another VM of this host");
	undo(second, clients[1]);
	assert_true(namespace_unchanged(made));
	/* A VM of that name of another user has another tap. */
	attach = attach_at("web", "192.168.7.10");
	attach_name(&attach, "web", 4242);
	second = make(&attach, &clients[1]);
	assert_string_not_equal(second->record.tap, "vmr-web");
	undo(second, clients[1]);
	undo(first, clients[0]);
	service_close();
}

static void test_same_name(void **state)
{
	namespace_test(same_name);
}

/* Gives the worker's answer; if the router is not known yet, it answers at once. */
static int answered(struct vm *vm, const struct worker_message *answer)
{
	struct worker_message found = { .type = WORKER_FOUND, .mac = router_mac };
	struct error err = { 0 };
	int ret;

	ret = attach_answered(&service, vm, answer, &err);
	if (ret != ATTACH_PENDING || vm->phase != VM_ASKING)
		return ret;
	assert_true(ipv4_equal(worker_expect(WORKER_FIND).host, vm->uplink.prefix.address));
	return attach_answered(&service, vm, &found, &err);
}

/* The worker's answers decide: the first address is taken, then the third of the next one. */
static void probed(void)
{
	struct attach_record attach = attach_for("web");
	struct worker_message probe, answer;
	struct error err = { 0 };
	struct vm *vm;
	int client;

	service_open();
	attach.probe = PROBE_NORMAL;
	vm = service_vm(&attach, &client);
	assert_int_equal(attach_begin(&service, vm, &err), ATTACH_PENDING);
	assert_int_equal(vm->record.tap_ifindex, 0);
	probe = worker_expect(WORKER_PROBE);
	assert_int_equal(probe.kind, PROBE_OF_NEW);
	assert_int_equal(probe.count, 1);
	answer = worker_probed(&probe, 1);
	assert_int_equal(attach_answered(&service, vm, &answer, &err), ATTACH_PENDING);
	probe = worker_expect(WORKER_PROBE);
	assert_int_equal(probe.count, 4);
	answer = worker_probed(&probe, 2);
	/* Security: the worker chooses no address. */
	answer.probes[2].address = address("192.168.7.1");
	assert_int_equal(answered(vm, &answer), ATTACH_DONE);
	assert_true(ipv4_equal(vm->record.address, probe.probes[2].address));
	undo(vm, client);

	/* The only address is taken. */
	attach.address = address("192.168.7.77");
	vm = service_vm(&attach, &client);
	assert_int_equal(attach_begin(&service, vm, &err), ATTACH_PENDING);
	probe = worker_expect(WORKER_PROBE);
	answer = worker_probed(&probe, 1);
	assert_int_equal(attach_answered(&service, vm, &answer, &err), -EADDRINUSE);
	assert_string_equal(err.message,
			    "address 192.168.7.77 is in use by 02:00:00:00:00:77 on 'e0'");
	undo(vm, client);
	service_close();
}

static void test_probed(void **state)
{
	namespace_test(probed);
}

/* Attaches a VM whose address is free; @router: its hardware address is known. */
static struct vm *make_new(const struct attach_record *attach, bool router, int *client)
{
	struct worker_message message;
	struct error err = { 0 };
	struct vm *vm;
	int ret;

	assert_int_equal(namespace_run(router ? KNOWN_ROUTER : "ip neigh flush dev e0"), 0);
	vm = service_vm(attach, client);
	assert_int_equal(attach_begin(&service, vm, &err), ATTACH_PENDING);
	message = worker_expect(WORKER_PROBE);
	message = worker_probed(&message, 0);
	ret = attach_answered(&service, vm, &message, &err);
	/* It is not on the LAN before the router is known. */
	assert_int_equal(ret, router ? ATTACH_DONE : ATTACH_PENDING);
	return vm;
}

static void answer_access(struct vm *vm, uint32_t job, enum access_result result, bool is_new)
{
	const struct worker_message message = {
		.type = WORKER_ACCESSED, .vm = vm->record.id, .job = job, .kind = (uint8_t)result
	};

	assert_int_equal(access_answered(&service, vm, &message), is_new);
}

/*
 * Before a new address is announced, the worker is to ask the router with it. The answer is kept,
 * and an address for which no request arrives is announced every minute.
 */
static void accessed(void)
{
	struct attach_record attach = attach_for("web");
	struct worker_message message;
	struct vm *vm;
	size_t fds;
	int client;

	service_open();
	attach.probe = PROBE_NORMAL;
	vm = make_new(&attach, true, &client);
	do
		message = worker_next(&fds);
	while (message.type != WORKER_ACCESS && message.type != WORKER_DEFEND);
	assert_int_equal(message.type, WORKER_ACCESS);
	assert_int_equal(fds, 1);
	assert_memory_equal(&message.mac, &vm->uplink.mac, sizeof(message.mac));
	assert_true(ipv4_equal(message.address, vm->record.address));
	assert_address(message.host, "192.168.7.5");
	assert_address(message.router.address, "192.168.7.1");
	assert_memory_equal(&message.router.mac, &router_mac, sizeof(router_mac));
	assert_int_equal(worker_expect(WORKER_DEFEND).repeat, 0);
	answer_access(vm, message.job + 1, ACCESS_OPEN, false);
	assert_int_equal(vm->record.access, ACCESS_UNKNOWN);
	answer_access(vm, message.job, ACCESS_HIDDEN, true);
	message = worker_expect(WORKER_DEFEND);
	assert_int_equal(message.repeat, 1);
	assert_int_equal(message.announce, 0);
	answer_access(vm, message.job, ACCESS_OPEN, false);
	assert_int_equal(vm->record.access, ACCESS_HIDDEN);
	/* The same address in the same network is not asked for again. */
	move_now(vm);
	assert_int_equal(worker_expect(WORKER_DEFEND).repeat, 1);
	/* An answer that comes too late. */
	vm->access_job = 55;
	attach_withdraw(&service, vm);
	answer_access(vm, 55, ACCESS_OPEN, false);
	move_now(vm);
	assert_int_equal(worker_count(WORKER_ACCESS), 0);
	/* A new proof has a new answer. */
	vm->record.proof.prefix.length = 0;
	assert_int_equal(attach_move(&service, vm, &(struct error){ 0 }), ATTACH_PENDING);
	assert_int_equal(vm->record.access, ACCESS_UNKNOWN);
	undo(vm, client);
	service_close();
}

static void test_accessed(void **state)
{
	namespace_test(accessed);
}

/* A router that is not known is asked for first. If it is silent, there is no question. */
static void silent_router(void)
{
	struct attach_record attach = attach_for("web");
	struct worker_message message;
	struct error err = { 0 };
	struct vm *vm;
	int client;

	service_open();
	attach.probe = PROBE_NORMAL;
	for (int known = 0; known < 2; known++) {
		vm = make_new(&attach, false, &client);
		message = worker_expect(WORKER_FIND);
		assert_address(message.host, "192.168.7.5");
		message.type = WORKER_FOUND;
		message.mac = known ? router_mac : (struct ether_addr){ { 0 } };
		assert_int_equal(attach_answered(&service, vm, &message, &err), ATTACH_DONE);
		assert_int_equal(worker_count(WORKER_ACCESS), known);
		undo(vm, client);
	}
	service_close();
}

static void test_silent_router(void **state)
{
	namespace_test(silent_router);
}

/* Two searches at the same time have no address in common. */
static void probed_at_once(void)
{
	struct attach_record attach = attach_for("web");
	struct worker_message first, second;
	struct error err = { 0 };
	struct vm *vms[2];
	int clients[2];

	service_open();
	attach.probe = PROBE_NORMAL;
	vms[0] = service_vm(&attach, &clients[0]);
	attach_name(&attach, "other", attach.owner);
	vms[1] = service_vm(&attach, &clients[1]);
	assert_int_equal(attach_begin(&service, vms[0], &err), ATTACH_PENDING);
	first = worker_expect(WORKER_PROBE);
	assert_int_equal(attach_begin(&service, vms[1], &err), ATTACH_PENDING);
	second = worker_expect(WORKER_PROBE);
	for (size_t i = 0; i < first.count; i++)
		for (size_t j = 0; j < second.count; j++)
			assert_false(ipv4_equal(first.probes[i].address, second.probes[j].address));
	undo(vms[0], clients[0]);
	undo(vms[1], clients[1]);
	service_close();
}

static void test_probed_at_once(void **state)
{
	namespace_test(probed_at_once);
}

/* Another program may have undone any part before. */
static void undone_before(void)
{
	static const char *const scripts[] = {
		"ip link del vmr-web",
		"ip neigh del proxy 192.168.7.9 dev e0",
		"ip route del 192.168.7.9",
		"ip link set e0 down && ip link set e0 up && "
		"ip route replace default via 192.168.7.1",
		"echo 0 >/proc/sys/net/ipv4/conf/e0/forwarding && "
		"echo 80 >/proc/sys/net/ipv4/neigh/e0/proxy_delay",
	};
	const struct attach_record attach = attach_at("web", "192.168.7.9");
	cleanup_free char *before = NULL;
	struct vm *vm;
	int client;

	service_open();
	vm = make(&attach, &client);
	undo(vm, client);
	before = namespace_state();
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		vm = make(&attach, &client);
		assert_int_equal(namespace_run(scripts[i]), 0);
		undo(vm, client);
		if (!namespace_unchanged(before))
			fail_msg("%s", scripts[i]);
	}
	/* The uplink was unplugged. */
	vm = make(&attach, &client);
	assert_int_equal(namespace_run("ip link del e0"), 0);
	undo(vm, client);
	service_close();
	assert_int_equal(access(NETNS_RUN_DIR, F_OK), -1);
	assert_int_equal(if_nametoindex("vmr-web"), 0);
}

static void test_undone_before(void **state)
{
	namespace_test(undone_before);
}

/* A shared value that another program has set meanwhile is not restored. */
static void changed_meanwhile(void)
{
	const struct attach_record attach = attach_at("web", "192.168.7.9");
	struct vm *vm;
	int client;

	service_open();
	vm = make(&attach, &client);
	assert_int_equal(namespace_run("echo 40 >/proc/sys/net/ipv4/neigh/e0/proxy_delay"), 0);
	undo(vm, client);
	assert_int_equal(namespace_run("cd /proc/sys/net/ipv4 && [ $(cat conf/e0/forwarding "
				       "neigh/e0/proxy_delay | tr -d '\\n') = 040 ]"),
			 0);
	service_close();
}

static void test_changed_meanwhile(void **state)
{
	namespace_test(changed_meanwhile);
}

/* A move in the same network makes what is missing, and only that; nothing is probed. */
static void moved_again(void)
{
	struct attach_record attach = attach_at("web", "192.168.7.9");
	cleanup_free char *made = NULL;
	struct vm *vm;
	int client;

	service_open();
	attach.probe = PROBE_NORMAL;
	vm = service_vm(&attach, &client);
	assert_int_equal(attach_begin(&service, vm, &(struct error){ 0 }), ATTACH_PENDING);
	{
		const struct worker_message probe = worker_expect(WORKER_PROBE);
		const struct worker_message answer = worker_probed(&probe, 0);

		assert_int_equal(answered(vm, &answer), ATTACH_DONE);
	}
	made = namespace_state();
	worker_count(WORKER_DEFEND);
	move_now(vm);
	assert_true(namespace_unchanged(made));
	assert_int_equal(worker_next(NULL).announce, 0);
	assert_int_equal(worker_count(WORKER_PROBE), 0);
	assert_int_equal(namespace_run("ip neigh del proxy 192.168.7.9 dev e0 && "
				       "ip link set vmr-web down mtu 1300 && "
				       "cd /proc/sys/net/ipv4/conf && echo 0 >vmr-web/proxy_arp && "
				       "echo 0 >vmr-web/rp_filter && echo 0 >vmr-web/forwarding && "
				       "echo 0 >e0/forwarding"),
			 0);
	move_now(vm);
	assert_true(namespace_unchanged(made));
	assert_int_equal(worker_expect(WORKER_DEFEND).announce, 1);
	/* The client asks for it. */
	vm->record.attach.announce = 1;
	move_now(vm);
	assert_int_equal(worker_expect(WORKER_DEFEND).announce, 1);
	/* The uplink has another hardware address: another socket, which announces it. */
	vm->record.attach.announce = 0;
	assert_int_equal(namespace_run("ip link set e0 address 02:00:00:00:00:99"), 0);
	move_now(vm);
	assert_int_equal(worker_next(NULL).type, WORKER_OPEN);
	assert_int_equal(worker_next(NULL).announce, 1);
	undo(vm, client);
	service_close();
}

static void test_moved_again(void **state)
{
	namespace_test(moved_again);
}

/* Attaches a VM, lets the uplink lose its carrier for a moment, and moves the VM. */
static int move_after_carrier(struct vm **vm, int *client, const char *before)
{
	const struct attach_record attach = attach_at("web", "192.168.7.9");
	struct error err = { 0 };

	assert_int_equal(namespace_run(before), 0);
	*vm = make(&attach, client);
	(*vm)->record.attach.probe = PROBE_NORMAL;
	worker_count(WORKER_DEFEND);
	assert_int_equal(namespace_run("ip link set e0-p down && sleep 0.1 && ip link set e0-p up "
				       "&& sleep 0.1"),
			 0);
	return attach_move(&service, *vm, &err);
}

/* Of two networks with the uplink's numbers, the router shows the present one, before any probe. */
static void networks_alike(void)
{
	struct attach_record attach = attach_for("web");
	struct worker_message found, probe;
	struct error err = { 0 };
	struct vm *vm;
	int client;

	service_open();
	attach.probe = PROBE_NORMAL;
	attach.remembered[0] = address("192.168.7.20");
	attach.remembered_routers[0] = (struct ether_addr){ { 2, 0, 0, 0, 0, 0x99 } };
	attach.remembered[1] = address("192.168.7.21");
	attach.remembered_routers[1] = router_mac;
	for (int answers = 0; answers <= 1; answers++) {
		assert_int_equal(namespace_run("ip neigh flush dev e0"), 0);
		vm = service_vm(&attach, &client);
		assert_int_equal(attach_begin(&service, vm, &err), ATTACH_PENDING);
		assert_int_equal(worker_count(WORKER_PROBE), 0);
		found = (struct worker_message){ .type = WORKER_FOUND, .vm = vm->record.id };
		if (answers)
			found.mac = router_mac;
		assert_int_equal(attach_answered(&service, vm, &found, &err), ATTACH_PENDING);
		probe = worker_expect(WORKER_PROBE);
		assert_address(probe.probes[0].address, answers ? "192.168.7.21" : "192.168.7.20");
		probe = worker_probed(&probe, 0);
		assert_int_equal(answered(vm, &probe), ATTACH_DONE);
		assert_memory_equal(&vm->record.proof.router_mac, &found.mac, sizeof(found.mac));
		undo(vm, client);
	}
	/* This host knows the router: nobody is asked. */
	assert_int_equal(namespace_run(KNOWN_ROUTER), 0);
	vm = service_vm(&attach, &client);
	assert_int_equal(attach_begin(&service, vm, &err), ATTACH_PENDING);
	probe = worker_expect(WORKER_PROBE);
	assert_address(probe.probes[0].address, "192.168.7.21");
	undo(vm, client);
	service_close();
}

static void test_networks_alike(void **state)
{
	namespace_test(networks_alike);
}

/* The router must show after a lost carrier that it is the same one. */
static void carrier(void)
{
	struct worker_message find;
	struct error err = { 0 };
	struct vm *vm;
	int client;

	service_open();
	assert_int_equal(move_after_carrier(&vm, &client, KNOWN_ROUTER), ATTACH_PENDING);
	/* The interface may be another one that has its index. */
	assert_int_equal(worker_next(NULL).type, WORKER_OPEN);
	find = worker_next(NULL);
	assert_int_equal(find.type, WORKER_FIND);
	assert_address(find.address, "192.168.7.1");
	assert_address(find.host, "192.168.7.5");
	assert_int_equal(worker_count(WORKER_PROBE), 0);
	/* The VM stays on the LAN meanwhile. */
	assert_true(published("192.168.7.9"));
	find.type = WORKER_FOUND;
	find.mac = router_mac;
	assert_int_equal(attach_answered(&service, vm, &find, &err), ATTACH_DONE);
	assert_int_equal(worker_count(WORKER_PROBE), 0);
	/* From now on, this is the network of the proof. */
	move_now(vm);
	assert_int_equal(worker_count(WORKER_FIND), 0);
	undo(vm, client);

	/* Another router, or none: the address is probed, and the VM is off the LAN meanwhile. */
	for (uint8_t last = 0; last < 4; last += 2) {
		struct worker_message answer;

		assert_int_equal(move_after_carrier(&vm, &client, KNOWN_ROUTER), ATTACH_PENDING);
		find = worker_expect(WORKER_FIND);
		find.type = WORKER_FOUND;
		find.mac = last ? (struct ether_addr){ { 2, 0, 0, 0, 0, last } }
				: (struct ether_addr){ { 0 } };
		assert_int_equal(attach_answered(&service, vm, &find, &err), ATTACH_PENDING);
		assert_false(published("192.168.7.9"));
		find = worker_expect(WORKER_PROBE);
		assert_int_equal(find.count, 1);
		assert_address(find.probes[0].address, "192.168.7.9");
		answer = worker_probed(&find, 0);
		assert_int_equal(answered(vm, &answer), ATTACH_DONE);
		assert_true(published("192.168.7.9"));
		assert_int_equal(worker_expect(WORKER_DEFEND).announce, 1);
		undo(vm, client);
	}

	/* A router whose hardware address was never known cannot be told from another. */
	assert_int_equal(move_after_carrier(&vm, &client, "ip neigh flush dev e0"), ATTACH_PENDING);
	assert_int_equal(worker_count(WORKER_PROBE), 1);
	undo(vm, client);
	service_close();
}

static void test_carrier(void **state)
{
	namespace_test(carrier);
}

/* An ARP socket that sends nothing is opened anew, once; a second failure is reported. */
static void dead_socket(void)
{
	struct attach_record attach = attach_at("web", "192.168.7.9");
	struct worker_message probe, answer;
	struct error err = { 0 };
	struct vm *vm;
	int client;

	service_open();
	attach.probe = PROBE_NORMAL;
	vm = service_vm(&attach, &client);
	assert_int_equal(attach_begin(&service, vm, &err), ATTACH_PENDING);
	probe = worker_expect(WORKER_PROBE);
	for (int failures = 1; failures <= 2; failures++) {
		answer = worker_probed(&probe, 1);
		answer.error = ENXIO;
		if (failures == 2)
			break;
		assert_int_equal(attach_answered(&service, vm, &answer, &err), ATTACH_PENDING);
		assert_int_equal(worker_next(NULL).type, WORKER_OPEN);
		probe = worker_expect(WORKER_PROBE);
	}
	assert_int_equal(attach_answered(&service, vm, &answer, &err), -ENXIO);
	assert_string_equal(err.message, "cannot send ARP on 'e0': No such device or address");

	/* The next request has a new socket. So has the search for the router. */
	assert_int_equal(attach_move(&service, vm, &err), ATTACH_PENDING);
	assert_int_equal(worker_next(NULL).type, WORKER_REST);
	assert_int_equal(worker_next(NULL).type, WORKER_OPEN);
	probe = worker_expect(WORKER_PROBE);
	answer = worker_probed(&probe, 0);
	assert_int_equal(attach_answered(&service, vm, &answer, &err), ATTACH_PENDING);
	answer = worker_expect(WORKER_FIND);
	answer.type = WORKER_FOUND;
	answer.error = ENETDOWN;
	assert_int_equal(attach_answered(&service, vm, &answer, &err), ATTACH_PENDING);
	assert_int_equal(worker_next(NULL).type, WORKER_OPEN);
	probe = worker_expect(WORKER_PROBE);
	answer = worker_probed(&probe, 0);
	assert_int_equal(answered(vm, &answer), ATTACH_DONE);
	undo(vm, client);
	service_close();
}

static void test_dead_socket(void **state)
{
	namespace_test(dead_socket);
}

/* In another subnet the VM gets another address, and the old route goes. */
static void other_subnet(void)
{
	struct attach_record attach = attach_for("web");
	struct error err = { 0 };
	struct in_addr first;
	struct vm *vm;
	int client;

	service_open();
	vm = make(&attach, &client);
	first = vm->record.address;
	assert_int_equal(namespace_run("ip addr flush dev e0 && ip addr add 10.0.0.5/24 dev e0 && "
				       "ip route add default via 10.0.0.1"),
			 0);
	/* The client still names the old address. */
	assert_int_equal(attach_move(&service, vm, &err), -ENODEV);
	assert_int_equal(if_nametoindex("vmr-web"), vm->record.tap_ifindex);
	vm->record.attach.host = address("10.0.0.5");
	move_now(vm);
	assert_int_equal(ntohl(vm->record.address.s_addr) >> 8, 0x0a0000);
	assert_false(ipv4_equal(first, vm->record.address));
	assert_int_equal(namespace_run("[ $(ip route show proto 118 | wc -l) = 1 ] && "
				       "[ $(ip neigh show proxy | wc -l) = 1 ] && "
				       "ip route show proto 118 | grep -q '^10.0.0.'"),
			 0);
	/* A VM whose guest cannot change its address. */
	vm->record.attach.address = address("192.168.7.9");
	assert_int_equal(attach_move(&service, vm, &err), -EADDRNOTAVAIL);
	assert_int_equal(namespace_run("! ip neigh show proxy | grep ."), 0);
	undo(vm, client);
	service_close();
}

static void test_other_subnet(void **state)
{
	namespace_test(other_subnet);
}

/* The host changes from Wi-Fi to a cable of the same LAN: the VM is reached through that alone. */
static void other_uplink(void)
{
	struct attach_record attach = attach_at("web", "192.168.7.9");
	struct worker_message message, answer;
	struct ether_addr former;
	struct error err = { 0 };
	struct vm *vm;
	int client;

	service_open();
	vm = make(&attach, &client);
	assert_int_equal(namespace_run("ip link add e1 type veth peer name e1-p && "
				       "ip link set e1 up && ip link set e1-p up && "
				       "ip addr add 192.168.7.6/24 dev e1 && "
				       "ip route add default via 192.168.7.1 dev e1 metric 5"),
			 0);
	worker_count(WORKER_OPEN);
	former = vm->uplink.mac;
	vm->record.attach.ifindex = if_nametoindex("e1");
	vm->record.attach.host = address("192.168.7.6");
	vm->record.attach.probe = PROBE_NORMAL;
	assert_int_equal(attach_move(&service, vm, &err), ATTACH_PENDING);
	assert_false(published("192.168.7.9"));
	assert_int_equal(worker_next(NULL).type, WORKER_REST);
	message = worker_next(NULL);
	assert_int_equal(message.type, WORKER_OPEN);
	assert_memory_equal(&message.mac, &vm->uplink.mac, sizeof(message.mac));
	/* The former uplink's is this host's own as well. */
	assert_memory_equal(&message.own[0], &message.mac, sizeof(message.mac));
	assert_memory_equal(&message.own[1], &former, sizeof(former));
	message = worker_expect(WORKER_PROBE);
	answer = worker_probed(&message, 0);
	assert_int_equal(answered(vm, &answer), ATTACH_DONE);
	assert_int_equal(worker_expect(WORKER_DEFEND).announce, 1);
	assert_int_equal(namespace_run("[ \"$(ip neigh show proxy | cut -d' ' -f1-3)\" = "
				       "'192.168.7.9 dev e1' ] && cd /proc/sys/net/ipv4/conf && "
				       "[ $(cat e0/forwarding e1/forwarding | tr -d '\\n') = 01 ]"),
			 0);
	undo(vm, client);
	service_close();
}

static void test_other_uplink(void **state)
{
	namespace_test(other_uplink);
}

/* True if the table of an uplink lets the tap's guest send from an address. */
static bool guarded(const char *uplink, const struct vm *vm, const char *text)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "nft list chain netdev vmrun-%s tap_%u >/dev/null 2>&1 && "
		 "nft list set netdev vmrun-%s pair4 | grep -q '\"%s\" .* %s[ ,]'",
		 uplink, vm->record.tap_ifindex, uplink, vm->record.tap, text);
	return namespace_run(command) == 0;
}

/* The descriptors of the table that another process has, as the keeper, are closed later. */
static pid_t keep_for_a_while(void)
{
	const pid_t child = fork();

	if (child == 0) {
		usleep(100000);
		_exit(0);
	}
	return child;
}

/* A new table guards every tap of its uplink at once, also if one of its VMs has lost its tap. */
static void new_table(void)
{
	static const char *const addresses[] = { "192.168.7.9", "192.168.7.10", "192.168.7.11" };
	static const char *const names[] = { "one", "two", "red" };
	struct attach_record attach;
	struct vm *vms[3];
	int clients[3];
	pid_t keeper;

	service_open();
	for (size_t i = 0; i < 3; i++) {
		attach = attach_at(names[i], addresses[i]);
		attach.path = i ? PATH_BRIDGED : PATH_ROUTED;
		vms[i] = make(&attach, &clients[i]);
	}
	/* Without one of its descriptors it is made anew. */
	keeper = keep_for_a_while();
	close(service.tables.tables[0].fds.groups);
	service.tables.tables[0].fds.groups = -1;
	move_now(vms[0]);
	namespace_wait(keeper);
	for (size_t i = 0; i < 3; i++)
		assert_true(guarded("e0", vms[i], addresses[i]));

	close(vms[1]->tap_fds[0]);
	vms[1]->tap_fds[0] = -1;
	assert_int_equal(namespace_run("while ip link show vmr-two; do sleep 0.01; done "
				       ">/dev/null 2>&1; ip link set e0 name e9"),
			 0);
	move_now(vms[0]);
	assert_true(guarded("e9", vms[0], addresses[0]));
	assert_true(guarded("e9", vms[2], addresses[2]));
	for (size_t i = 0; i < 3; i++)
		undo(vms[i], clients[i]);
	service_close();
}

static void test_new_table(void **state)
{
	namespace_test(new_table);
}

/* Two uplinks have exchanged their names: each VM is in the table of its own one. */
static void exchanged_names(void)
{
	struct attach_record attach = attach_at("one", "192.168.7.9");
	struct vm *vms[2];
	int clients[2];

	service_open();
	assert_int_equal(namespace_run("ip link add e1 type veth peer name e1-p && "
				       "ip link set e1-p up && ip link set e1 up && "
				       "ip addr add 192.168.8.5/24 dev e1"),
			 0);
	attach.path = PATH_BRIDGED;
	vms[0] = make(&attach, &clients[0]);
	attach = attach_at("two", "192.168.8.9");
	attach.ifindex = if_nametoindex("e1");
	attach.host = address("192.168.8.5");
	attach.path = PATH_BRIDGED;
	vms[1] = make(&attach, &clients[1]);
	assert_true(guarded("e0", vms[0], "192.168.7.9"));
	assert_true(guarded("e1", vms[1], "192.168.8.9"));

	assert_int_equal(namespace_run("ip link set e0 name x && ip link set e1 name e0 && "
				       "ip link set x name e1"),
			 0);
	move_now(vms[0]);
	assert_true(guarded("e1", vms[0], "192.168.7.9"));
	/* It is guarded meanwhile, and may send nothing but probes. */
	assert_true(guarded("e1", vms[1], "0.0.0.0"));
	move_now(vms[1]);
	assert_true(guarded("e1", vms[0], "192.168.7.9"));
	assert_true(guarded("e0", vms[1], "192.168.8.9"));
	assert_false(guarded("e1", vms[1], "0.0.0.0"));
	for (size_t i = 0; i < 2; i++)
		undo(vms[i], clients[i]);
	service_close();
}

static void test_exchanged_names(void **state)
{
	namespace_test(exchanged_names);
}

/* The preferences of all rules with our protocol number. */
#define OUR_RULES "ip rule show | sed -n 's/^\\([0-9]*\\):.*proto 118.*/\\1/p' | tr '\\n' ' '"

/*
 * A withdrawn VM keeps its tap, and what keeps its guest from other networks. The next network may
 * have another host of its address. The uplink's values are restored.
 */
static void withdrawn(void)
{
	const struct attach_record attach = attach_at("web", "192.168.7.9");
	struct vm *vm;
	int client;

	service_open();
	vm = make(&attach, &client);
	worker_count(WORKER_REST);
	attach_withdraw(&service, vm);
	assert_int_equal(worker_next(NULL).type, WORKER_REST);
	assert_false(published("192.168.7.9"));
	assert_int_equal(namespace_run("cd /proc/sys/net/ipv4 && [ $(cat conf/e0/forwarding "
				       "neigh/e0/proxy_delay | tr -d '\\n') = 080 ]"),
			 0);
	assert_int_equal(namespace_run("[ -z \"$(ip route show table all proto 118)\" ] && "
				       "ip route get 192.168.7.9 | grep -q 'dev e0' && "
				       "[ \"$(" OUR_RULES ")\" = '117 118 ' ]"),
			 0);
	move_now(vm);
	assert_true(published("192.168.7.9") && routed("192.168.7.9"));
	assert_int_equal(namespace_run("[ \"$(" OUR_RULES ")\" = '115 117 118 118 ' ]"), 0);
	assert_int_equal(worker_expect(WORKER_DEFEND).announce, 1);
	/* A request that waits is withdrawn with the VM. */
	vm->record.attach.probe = PROBE_NORMAL;
	vm->record.proof.prefix.length = 0;
	assert_int_equal(attach_move(&service, vm, &(struct error){ 0 }), ATTACH_PENDING);
	attach_withdraw(&service, vm);
	assert_int_equal(vm->phase, VM_IDLE);
	undo(vm, client);
	service_close();
}

static void test_withdrawn(void **state)
{
	namespace_test(withdrawn);
}

/* A client that follows no lost carrier loses its place; others stay. */
static void unmoved(void)
{
	struct attach_record attach = attach_at("web", "192.168.7.9");
	struct vm *vm;
	int client;

	service_open();
	for (uint8_t path = PATH_ROUTED; path <= PATH_BRIDGED; path++) {
		attach.path = path;
		vm = make(&attach, &client);
		attach_check(&service);
		assert_int_equal(vm->record.published_on, vm->uplink.ifindex);
		assert_int_equal(namespace_run("ip link set e0-p down && sleep 0.1 && "
					       "ip link set e0-p up && sleep 0.1"),
				 0);
		attach_check(&service);
		assert_int_equal(vm->record.published_on, 0);
		assert_false(published("192.168.7.9"));
		undo(vm, client);
	}
	service_close();
}

static void test_unmoved(void **state)
{
	namespace_test(unmoved);
}

/* A restart interrupts nothing, and makes what went missing meanwhile. */
static void restored(void)
{
	struct attach_record attach = attach_at("web", "192.168.7.9");
	cleanup_free char *before = namespace_state();
	cleanup_free char *made = NULL;
	struct error err = { 0 };
	struct vm *vm;
	int client, held_fd;

	service_open();
	attach.dhcp = 1;
	vm = make(&attach, &client);
	vm->record.answered = 1;
	assert_int_equal(state_save(&service, &err), 0);
	held_fd = fcntl(vm->tap_fds[0], F_DUPFD_CLOEXEC, 0);
	made = namespace_state();
	for (int i = 0; i < 2; i++) {
		close(client);
		service_restart();
		vm = service.vms;
		assert_non_null(vm);
		assert_null(vm->next);
		make_pair(&client, &vm->client);
		vm->record.attach.probe = PROBE_NORMAL;
		assert_int_equal(attach_restore(&service, vm, false, &err), ATTACH_DONE);
		assert_true(namespace_unchanged(made));
		assert_int_equal(worker_next(NULL).type, WORKER_DHCP);
		assert_int_equal(worker_next(NULL).type, WORKER_OPEN);
		assert_int_equal(worker_next(NULL).type, WORKER_SOURCES);
		assert_int_equal(worker_next(NULL).type, WORKER_DEFEND);
		assert_int_equal(namespace_run("ip neigh del proxy 192.168.7.9 dev e0 && "
					       "ip route del 192.168.7.9"),
				 0);
	}
	/* A VM that is off the LAN stays so. */
	attach_withdraw(&service, vm);
	close(client);
	service_restart();
	vm = service.vms;
	assert_int_equal(vm->record.published_on, 0);
	make_pair(&client, &vm->client);
	worker_count(WORKER_OPEN);
	assert_int_equal(attach_restore(&service, vm, true, &err), ATTACH_DONE);
	assert_false(published("192.168.7.9"));
	assert_int_equal(worker_count(WORKER_OPEN), 0);
	move_now(vm);
	assert_true(published("192.168.7.9"));

	/* A tap that the client was not sent has gone with the service. */
	close(held_fd);
	close(client);
	service_restart();
	vm = service.vms;
	make_pair(&client, &vm->client);
	assert_int_equal(if_nametoindex("vmr-web"), 0);
	assert_int_equal(attach_restore(&service, vm, false, &err), ATTACH_DONE);
	assert_int_equal(vm->record.answered, 0);
	assert_true(vm->tap_fds[0] >= 0);
	assert_true(published("192.168.7.9") && routed("192.168.7.9"));
	undo(vm, client);
	service_close();
	assert_true(namespace_unchanged(before));
}

static void test_restored(void **state)
{
	namespace_test(restored);
}

/* A VM that runs names its tap after its connection was lost, and keeps tap and address. */
static void resumed(void)
{
	struct attach_record attach = attach_at("web", "192.168.7.9");
	struct error err = { 0 };
	struct vm *lost, *vm;
	int client, held_fd;

	service_open();
	lost = make(&attach, &client);
	held_fd = fcntl(lost->tap_fds[0], F_DUPFD_CLOEXEC, 0);
	lost->record.answered = 1;
	assert_int_equal(state_save(&service, &err), 0);
	close(client);
	service_restart();
	attach.probe = PROBE_NORMAL;
	attach.tap_ifindex = if_nametoindex("vmr-web");
	vm = service_vm(&attach, &client);
	assert_int_equal(attach_begin(&service, vm, &err), ATTACH_DONE);
	assert_ptr_equal(service.vms, vm);
	assert_null(vm->next);
	assert_int_equal(vm->record.tap_ifindex, attach.tap_ifindex);
	assert_int_equal(vm->tap_fds[0], -1);
	assert_int_equal(worker_count(WORKER_PROBE), 0);
	assert_true(published("192.168.7.9") && routed("192.168.7.9"));

	/* The state is lost: the address is probed again, and the tap is kept. */
	state_remove(&service, vm);
	vm_free(vm);
	close(client);
	vm = service_vm(&attach, &client);
	assert_int_equal(attach_begin(&service, vm, &err), ATTACH_PENDING);
	assert_int_equal(worker_count(WORKER_PROBE), 1);
	assert_int_equal(vm->record.tap_ifindex, attach.tap_ifindex);
	close(held_fd);
	undo(vm, client);
	service_close();
}

/* No tap but the VM's own is taken, whatever the request names. */
static void resumed_by_trick(void)
{
	struct attach_record attach = attach_at("web", "192.168.7.9");
	struct attach_record trick = attach_at("mine", "192.168.7.10");
	cleanup_free char *made = NULL;
	unsigned int indices[5];
	struct error err = { 0 };
	struct vm *victim, *vm;
	int client, mine;

	service_open();
	victim = make(&attach, &client);
	/* A tap of the right name without the alias, and a veth with both. */
	assert_int_equal(namespace_run("ip tuntap add dev vmr-tap mode tap && "
				       "ip link add vmr-veth type veth peer name x && "
				       "ip link set vmr-veth alias vmrun"),
			 0);
	made = namespace_state();
	indices[0] = if_nametoindex("vmr-web");
	indices[1] = if_nametoindex("e0");
	indices[2] = if_nametoindex("vmr-tap");
	indices[3] = if_nametoindex("vmr-veth");
	indices[4] = 4711;
	for (size_t i = 0; i < ARRAY_SIZE(indices); i++) {
		if (i == 2)
			attach_name(&trick, "tap", trick.owner);
		if (i == 3)
			attach_name(&trick, "veth", trick.owner);
		trick.tap_ifindex = indices[i];
		vm = service_vm(&trick, &mine);
		assert_int_equal(attach_begin(&service, vm, &err), -ENODEV);
		assert_int_equal(vm->record.tap_ifindex, 0);
		undo(vm, mine);
	}
	/* The same name, of another user. */
	attach_name(&trick, "web", 4242);
	trick.tap_ifindex = indices[0];
	vm = service_vm(&trick, &mine);
	assert_int_equal(attach_begin(&service, vm, &err), -ENODEV);
	undo(vm, mine);
	/* The VM's own tap while its client is there. */
	attach_name(&trick, "web", 0);
	vm = service_vm(&trick, &mine);
	assert_int_equal(attach_begin(&service, vm, &err), -EEXIST);
	undo(vm, mine);
	assert_true(namespace_unchanged(made));
	undo(victim, client);
	service_close();
}

static void test_resume(void **state)
{
	namespace_test(resumed);
	namespace_test(resumed_by_trick);
}

/* A lost VM whose client comes back without its tap is undone first. */
static void started_anew(void)
{
	struct attach_record attach = attach_at("web", "192.168.7.9");
	struct error err = { 0 };
	unsigned int before;
	struct vm *vm;
	int client, held_fd;

	service_open();
	vm = make(&attach, &client);
	before = vm->record.tap_ifindex;
	held_fd = fcntl(vm->tap_fds[0], F_DUPFD_CLOEXEC, 0);
	close(client);
	service_restart();
	vm = service_vm(&attach, &client);
	assert_int_equal(attach_begin(&service, vm, &err), ATTACH_DONE);
	assert_int_not_equal(vm->record.tap_ifindex, before);
	assert_true(published("192.168.7.9") && routed("192.168.7.9"));
	undo(vm, client);
	close(held_fd);
	service_close();
}

static void test_started_anew(void **state)
{
	namespace_test(started_anew);
}

/* Root takes the permission away: the next move takes the VM off the LAN; its tap stays. */
static void forbidden(void)
{
	struct attach_record attach = attach_at("web", "192.168.7.9");
	struct error err = { 0 };
	struct vm *vm;
	int client;

	policy_write("allow user alice address 192.168.7.9 vms 1 unprobed\n");
	service_open();
	attach.owner = 4242;
	vm = service_vm_of(4242, &attach, &client);
	if (attach_begin(&service, vm, &err) != ATTACH_DONE)
		fail_msg("%s", err.message);
	assert_true(published("192.168.7.9"));
	/* The number of VMs and the address. */
	attach_name(&attach, "more", attach.owner);
	attach.address = address("192.168.7.10");
	{
		int other;
		struct vm *more = service_vm_of(4242, &attach, &other);

		assert_int_equal(attach_begin(&service, more, &err), -EACCES);
		undo(more, other);
	}
	vm->record.attach.address = address("192.168.7.10");
	assert_int_equal(attach_move(&service, vm, &err), -EACCES);
	vm->record.attach.address = address("192.168.7.9");
	move_now(vm);
	policy_write("allow user root\n");
	assert_int_equal(attach_move(&service, vm, &err), -EACCES);
	assert_false(published("192.168.7.9"));
	assert_int_equal(if_nametoindex(vm->record.tap), vm->record.tap_ifindex);
	undo(vm, client);
	service_close();
}

static void test_forbidden(void **state)
{
	namespace_test(forbidden);
}

static int send_worker(const void *data, size_t size)
{
	struct error err;

	assert_int_equal(send(worker, data, size, 0), size);
	return client_worker(&service, &err);
}

/*
 * A station has taken over the worker: its messages end the service or do nothing. Only the VM and
 * the job that wait for an answer get one.
 */
static void hostile_worker(void)
{
	struct attach_record attach = attach_for("web");
	struct worker_message probe, answer;
	cleanup_free char *before = NULL;
	struct error err = { 0 };
	struct vm *vm;
	int client;

	service_open();
	attach.probe = PROBE_NORMAL;
	vm = service_vm(&attach, &client);
	assert_int_equal(attach_begin(&service, vm, &err), ATTACH_PENDING);
	probe = worker_expect(WORKER_PROBE);
	before = namespace_state();

	answer = worker_probed(&probe, 0);
	answer.vm++;
	assert_int_equal(send_worker(&answer, sizeof(answer)), 0);
	answer = worker_probed(&probe, 0);
	answer.job++;
	assert_int_equal(send_worker(&answer, sizeof(answer)), 0);
	answer = worker_probed(&probe, 0);
	answer.type = WORKER_FOUND;
	assert_int_equal(send_worker(&answer, sizeof(answer)), 0);
	assert_true(client_silent(client));
	assert_int_equal(vm->phase, VM_PROBING);

	answer = worker_probed(&probe, 0);
	assert_int_equal(send_worker(&answer, sizeof(answer) - 1), -EPROTO);
	answer.count = PROBE_BATCH_MAX + 1;
	assert_int_equal(send_worker(&answer, sizeof(answer)), -EPROTO);
	answer.count = probe.count;
	answer.type = WORKER_OPEN;
	assert_int_equal(send_worker(&answer, sizeof(answer)), -EPROTO);
	answer.type = WORKER_STRANGER + 1;
	assert_int_equal(send_worker(&answer, sizeof(answer)), -EPROTO);
	answer.type = WORKER_PROBED;
	for (int error = -1; error <= 4096; error += 4097) {
		answer.error = error;
		assert_int_equal(send_worker(&answer, sizeof(answer)), -EPROTO);
	}
	assert_true(namespace_unchanged(before));

	/* Fewer results than addresses prove nothing new about the rest; more are not read. */
	answer = worker_probed(&probe, 4);
	answer.count = PROBE_BATCH_MAX;
	assert_int_equal(send_worker(&answer, sizeof(answer)), 0);
	assert_int_equal(vm->phase, VM_PROBING);
	probe = worker_expect(WORKER_PROBE);
	answer = worker_probed(&probe, 0);
	assert_int_equal(send_worker(&answer, sizeof(answer)), 0);
	/* The router's answer is awaited, not the same one once more. */
	assert_int_equal(send_worker(&answer, sizeof(answer)), 0);
	assert_true(client_silent(client));
	answer = worker_expect(WORKER_FIND);
	answer.type = WORKER_FOUND;
	answer.mac = router_mac;
	assert_int_equal(send_worker(&answer, sizeof(answer)), 0);
	client_expect(client, RECORD_READY, NULL);

	/* The same answer once more, and one to a VM that is on the LAN. */
	before = (free(before), namespace_state());
	assert_int_equal(send_worker(&answer, sizeof(answer)), 0);
	answer.type = WORKER_FOUND;
	assert_int_equal(send_worker(&answer, sizeof(answer)), 0);
	assert_true(client_silent(client));
	assert_true(namespace_unchanged(before));

	/* A conflict is passed on to the VM's client, to no other one. */
	answer.type = WORKER_CONFLICT;
	answer.address = address("192.168.7.9");
	assert_int_equal(send_worker(&answer, sizeof(answer)), 0);
	assert_address(client_expect(client, RECORD_CONFLICT, NULL).conflict.address,
		       "192.168.7.9");
	answer.vm++;
	assert_int_equal(send_worker(&answer, sizeof(answer)), 0);
	assert_true(client_silent(client));

	/* None, and the end of it. */
	assert_int_equal(client_worker(&service, &err), -EAGAIN);
	shutdown(worker, SHUT_RDWR);
	assert_int_equal(client_worker(&service, &err), -ECONNRESET);
	attach_end(&service, vm, &err);
	vm_free(vm);
	close(client);
	service_close();
}

static void test_hostile_worker(void **state)
{
	namespace_test(hostile_worker);
}

/* Reports each change as a command, and makes none; the state file has no trace of it. */
static void dry_run(void)
{
	cleanup_free char *before = namespace_state();
	struct attach_record attach = attach_for("web");
	const unsigned int fds = namespace_count_fds();
	union record record = { 0 };
	unsigned int changes = 0;
	struct vm *vm;
	int client;

	service_open();
	attach.dry_run = 1;
	attach.probe = PROBE_NORMAL;
	vm = make(&attach, &client);
	assert_int_equal(vm->record.tap_ifindex, 0);
	assert_false(ipv4_unset(vm->record.address));
	while (!client_silent(client)) {
		assert_int_equal(client_receive(client, &record, NULL), 0);
		assert_int_equal(record.header.type, RECORD_CHANGE);
		changes += strncmp(record.change.text, "# nft", 5) != 0;
	}
	/*
	 * Tap, its values, link, route, table, rules, proxy entry, the uplink's rules and
	 * values, announcement.
	 */
	assert_int_equal(changes, 1 + 5 + 1 + 1 + 3 + 3 + 1 + 1 + 2 + 1);
	assert_int_equal(strncmp(record.change.text, "# gratuitous ARP: 192.168.7.", 28), 0);
	assert_int_equal(worker_count(WORKER_OPEN), 0);
	undo(vm, client);
	service_close();
	assert_true(namespace_unchanged(before));
	assert_int_equal(namespace_count_fds(), fds);
}

static void test_dry_run(void **state)
{
	namespace_test(dry_run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),          cmocka_unit_test(test_held),
		cmocka_unit_test(test_refused),        cmocka_unit_test(test_two),
		cmocka_unit_test(test_stolen_mac),     cmocka_unit_test(test_same_name),
		cmocka_unit_test(test_probed),         cmocka_unit_test(test_probed_at_once),
		cmocka_unit_test(test_undone_before),  cmocka_unit_test(test_changed_meanwhile),
		cmocka_unit_test(test_moved_again),    cmocka_unit_test(test_accessed),
		cmocka_unit_test(test_silent_router),  cmocka_unit_test(test_networks_alike),
		cmocka_unit_test(test_carrier),        cmocka_unit_test(test_dead_socket),
		cmocka_unit_test(test_other_subnet),   cmocka_unit_test(test_other_uplink),
		cmocka_unit_test(test_new_table),      cmocka_unit_test(test_exchanged_names),
		cmocka_unit_test(test_withdrawn),      cmocka_unit_test(test_unmoved),
		cmocka_unit_test(test_restored),       cmocka_unit_test(test_resume),
		cmocka_unit_test(test_started_anew),   cmocka_unit_test(test_forbidden),
		cmocka_unit_test(test_hostile_worker), cmocka_unit_test(test_dry_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
