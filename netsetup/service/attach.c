// SPDX-License-Identifier: GPL-2.0-or-later
// Attaches VMs to the LAN, moves them, and takes them away.
#include "netsetup/service/attach.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/kernel/arp.h"
#include "netsetup/kernel/network_dump.h"
#include "netsetup/kernel/query.h"
#include "netsetup/service/ask.h"
#include "netsetup/service/publish.h"
#include "netsetup/service/resume.h"
#include "netsetup/service/task.h"

static bool same_mac(const struct ether_addr *a, const struct ether_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* Notes a hardware address as this host's own: an answer from it will be no other host's. */
static void note_own_mac(struct state *state, const struct ether_addr *mac)
{
	size_t last = 0;

	while (last < OWN_MACS_MAX - 1 && !same_mac(&state->own_macs[last], mac))
		last++;
	memmove(state->own_macs + 1, state->own_macs, last * sizeof(*mac));
	state->own_macs[0] = *mac;
}

/* Gives the worker an ARP socket on the VM's uplink. */
static int open_arp(struct state *state, struct host *host, struct vm *vm, struct error *err)
{
	struct worker_message message = { .type = WORKER_OPEN,
					  .vm = vm->record.id,
					  .mac = vm->uplink.mac };
	cleanup_fd int arp = -1;
	int ret;

	note_own_mac(state, &vm->uplink.mac);
	message.guest = vm->record.attach.mac;
	memcpy(message.own, state->own_macs, sizeof(message.own));
	arp = host_arp_socket(host, uplink_check_id(&vm->uplink),
			      (enum promiscuous_mode)vm->record.attach.promiscuous, err);
	if (arp < 0)
		return arp;
	ret = worker_link_send(&state->worker, &message, &arp, 1, err);
	if (ret == 0)
		vm->arp = vm_station(vm);
	return ret;
}

/* The same before the worker is needed, so that what needs no maker is done while it starts. */
static int need_arp(struct state *state, struct host *host, struct vm *vm, struct error *err)
{
	return host->dry_run || vm->arp.ifindex ? 0 : open_arp(state, host, vm, err);
}

/* Notes the network in which the address was proven free; sends nothing to it. */
static void note_proof(struct vm *vm, struct nl_sock *route)
{
	struct proof *proof = &vm->record.proof;
	const struct uplink_facts *uplink = &vm->uplink;
	const struct in_addr router = ipv4_unset(uplink->router) ? proof->router : uplink->router;

	/* The LAN has its router even while this host has no route to it. */
	if (!ipv4_equal(router, proof->router))
		proof->router_mac = (struct ether_addr){ 0 };
	proof->prefix = uplink->prefix;
	proof->ifindex = uplink->ifindex;
	proof->router = router;
	proof->carrier_changes = uplink->carrier_changes;
	if (!ipv4_unset(router))
		query_neighbour(route, router, uplink->ifindex, &proof->router_mac);
}

/*
 * Threat: a bridged VM has the hardware address of the router, or one of this host, and so disturbs
 * both. Check: the kernel's neighbour table, or the worker's answer; what the uplinks have or had.
 * Other stations are no reason to refuse: the host may know the guest itself from before. Test:
 * test_stolen_mac.
 */
static int check_mac(const struct state *state, const struct task *task, const struct vm *vm,
		     struct error *err)
{
	const struct uplink_facts *uplink = &vm->uplink;
	const struct ether_addr *mac = &vm->record.attach.mac;
	struct ether_addr router = vm->router_mac;
	char text[ARP_MAC_TEXT_SIZE];
	const char *whose = NULL;

	if (vm->record.path != PATH_BRIDGED)
		return 0;
	if (!ipv4_unset(uplink->router))
		query_neighbour(task->host.route, uplink->router, uplink->ifindex, &router);
	if (state_has_mac(state, vm))
		whose = "another VM's";
	if (same_mac(&router, mac))
		whose = "the router's";
	for (size_t i = 0; i < OWN_MACS_MAX; i++)
		if (same_mac(&state->own_macs[i], mac))
			whose = "this host's";
	if (!whose)
		return 0;
	error_setf(err, STATUS_FAILURE, EEXIST, "MAC address %s is %s", arp_mac_text(mac, text),
		   whose);
	error_remedy(err, "give the VM another uuid, or set network.mac");
	return -EEXIST;
}

/* Puts the VM on the LAN with an address that is its own. */
static int settle(struct state *state, struct task *task, struct vm *vm, struct in_addr address,
		  struct error *err)
{
	const struct in_addr before = vm->record.address;
	struct error ignored;
	int ret;

	vm->phase = VM_IDLE;
	vm->search = (struct search){ 0 };
	ret = task_authorize(task, address, err);
	if (ret == 0)
		ret = check_mac(state, task, vm, err);
	if (ret < 0)
		return ret;
	vm->record.address = address;
	if (!task->host.dry_run)
		ret = state_save(state, err);
	if (ret == 0 && vm->record.tap_ifindex && vm->record.path == PATH_ROUTED &&
	    !ipv4_equal(before, address))
		host_route_delete(&task->host, before, vm_tap(vm), &ignored);
	if (ret == 0)
		ret = publish(state, &task->host, vm, err);
	if (ret < 0)
		return ret;
	note_proof(vm, task->host.route);
	publish_restore(state, &task->host, &ignored);
	return ask_begin(state, &task->host, vm) ? ATTACH_PENDING : ATTACH_DONE;
}

static int send_probes(struct state *state, struct vm *vm, struct error *err)
{
	struct worker_message message = { .type = WORKER_PROBE,
					  .vm = vm->record.id,
					  .job = ++vm->job,
					  .kind = (uint8_t)vm->search.kind,
					  .count = (uint32_t)vm->search.batch_size };
	int ret;

	memcpy(message.probes, vm->search.batch, vm->search.batch_size * sizeof(struct probe));
	ret = worker_link_send(&state->worker, &message, NULL, 0, err);
	vm->phase = ret == 0 ? VM_PROBING : VM_IDLE;
	return ret < 0 ? ret : ATTACH_PENDING;
}

/* Has the worker ask for the router's hardware address, with this host's own (RFC 4436). */
static int send_find(struct state *state, struct vm *vm, enum vm_phase phase, struct in_addr router,
		     struct error *err)
{
	const struct worker_message message = { .type = WORKER_FIND,
						.vm = vm->record.id,
						.job = ++vm->job,
						.address = router,
						.host = vm->uplink.prefix.address };
	int ret;

	ret = worker_link_send(&state->worker, &message, NULL, 0, err);
	vm->phase = ret == 0 ? phase : VM_IDLE;
	return ret < 0 ? ret : ATTACH_PENDING;
}

/*
 * Begins to search an address. Of several networks with the uplink's numbers, the router shows the
 * present one. It is asked once: @asked.
 */
static int start_search(struct state *state, struct task *task, struct vm *vm, bool asked,
			struct error *err)
{
	struct search_context context;
	struct error ignored;
	int ret;

	publish_withdraw(state, &task->host, vm, &ignored);
	vm->record.proof.prefix.length = 0;
	vm->record.access = ACCESS_UNKNOWN;
	vm->unasked = false;
	if (!asked)
		vm->router_mac = (struct ether_addr){ 0 };
	if (!asked && !ipv4_unset(vm->uplink.router))
		query_neighbour(task->host.route, vm->uplink.router, vm->uplink.ifindex,
				&vm->router_mac);
	ret = task_search(task, state, vm, &context, err);
	if (ret == 0)
		ret = need_arp(state, &task->host, vm, err);
	if (ret < 0)
		return ret;
	if (!asked && search_needs_router(&context))
		return send_find(state, vm, VM_FINDING, vm->uplink.router, err);
	if (!ipv4_unset(vm->uplink.router))
		vm->record.proof.router = vm->uplink.router;
	vm->record.proof.router_mac = vm->router_mac;
	ret = search_begin(&vm->search, &context, err);
	if (ret < 0)
		return ret;
	if (search_unprobed(&context))
		return settle(state, task, vm, vm->search.batch[0].address, err);
	return send_probes(state, vm, err);
}

/*
 * Goes on with an address that is free. The router's hardware address must be known: check_mac()
 * needs it, and so does the question to the access point.
 */
static int settle_new(struct state *state, struct task *task, struct vm *vm, struct in_addr address,
		      struct error *err)
{
	static const struct ether_addr unknown;

	vm->found = address;
	vm->unasked = true;
	if (ipv4_unset(vm->uplink.router) || !same_mac(&vm->router_mac, &unknown))
		return settle(state, task, vm, address, err);
	return send_find(state, vm, VM_ASKING, vm->uplink.router, err);
}

static int continue_search(struct state *state, struct task *task, struct vm *vm, struct error *err)
{
	struct search_context context;
	struct in_addr address;
	int ret;

	ret = task_search(task, state, vm, &context, err);
	if (ret == 0)
		ret = search_continue(&vm->search, &context, &address, err);
	else
		return ret;
	if (ret == 1)
		return settle_new(state, task, vm, address, err);
	return ret < 0 ? ret : send_probes(state, vm, err);
}

static int already_running(const struct vm *other, struct error *err)
{
	char address[IPV4_TEXT_SIZE] = "no address yet";

	if (!ipv4_unset(other->record.address))
		ipv4_text(other->record.address, address);
	return error_setf(err, STATUS_FAILURE, EEXIST, "VM '%s' is already running: pid %d, %s",
			  other->record.attach.name, other->record.launcher, address);
}

/* Takes over what a VM of this user and name has whose client was lost. */
static void take_over(struct state *state, struct vm *vm, struct vm *lost)
{
	struct error ignored;

	if (!lost->record.tap_ifindex ||
	    lost->record.tap_ifindex != vm->record.attach.tap_ifindex) {
		attach_end(state, lost, &ignored);
		vm_free(lost);
		return;
	}
	vm->record.address = lost->record.address;
	vm->record.published_on = lost->record.published_on;
	vm->record.proof = lost->record.proof;
	vm->record.path = lost->record.path;
	vm->record.table = lost->record.table;
	vm->record.passed = lost->record.passed;
	vm->record.ruled = lost->record.ruled;
	vm->record.access = lost->record.access;
	state_remove(state, lost);
	vm_free(lost);
}

static int find_other(struct state *state, struct vm *vm, struct error *err)
{
	struct vm *other = vm->record.attach.dry_run ? NULL : state_find_other(state, vm);

	if (other && other->client >= 0)
		return already_running(other, err);
	if (other)
		take_over(state, vm, other);
	return 0;
}

/* Returns true if the request still allows the present address on the verified uplink. */
static bool address_fits(const struct vm *vm)
{
	const struct attach_record *attach = &vm->record.attach;
	const struct in_addr address = vm->record.address;

	for (size_t i = 0; i < AVOIDED_MAX; i++)
		if (ipv4_equal(attach->avoided[i], address))
			return false;
	return (ipv4_unset(attach->address) || ipv4_equal(attach->address, address)) &&
	       ipv4_prefix_host(&vm->uplink.prefix, address) &&
	       !ipv4_equal(vm->uplink.prefix.address, address);
}

/* True if the uplink is in the network of the proof by its numbers. */
static bool same_network(const struct vm *vm)
{
	const struct proof *proof = &vm->record.proof;
	const struct uplink_facts *uplink = &vm->uplink;

	return proof->prefix.length == uplink->prefix.length && proof->ifindex == uplink->ifindex &&
	       ipv4_equal(ipv4_prefix_network(&proof->prefix),
			  ipv4_prefix_network(&uplink->prefix)) &&
	       (ipv4_unset(proof->router) || ipv4_unset(uplink->router) ||
		ipv4_equal(proof->router, uplink->router));
}

/*
 * Keeps the address while the host is in the network where it was proven free. After a lost carrier
 * the router must show that it is the same one, else the address is probed like a new one.
 */
static int move(struct state *state, struct task *task, struct vm *vm, struct error *err)
{
	static const struct ether_addr unknown;
	const struct proof *proof = &vm->record.proof;
	int ret;

	if (ipv4_unset(vm->record.address) || !address_fits(vm) || !same_network(vm))
		return start_search(state, task, vm, false, err);
	ret = need_arp(state, &task->host, vm, err);
	if (ret < 0)
		return ret;
	if (proof->carrier_changes == vm->uplink.carrier_changes)
		return settle(state, task, vm, vm->record.address, err);
	if (memcmp(&proof->router_mac, &unknown, sizeof(unknown)) != 0)
		return send_find(state, vm, VM_FINDING, proof->router, err);
	return start_search(state, task, vm, false, err);
}

int attach_begin(struct state *state, struct vm *vm, struct error *err)
{
	cleanup_task task = { 0 };
	int ret;

	ifname_of_tap(vm->record.attach.owner, vm->record.attach.name, vm->record.attach.card,
		      vm->record.tap);
	ret = find_other(state, vm, err);
	if (ret == 0 && vm->record.attach.tap_ifindex && !vm->record.attach.dry_run)
		ret = resume_tap(state, vm, err);
	if (ret == 0)
		ret = task_begin(&task, state, vm, err);
	return ret < 0 ? ret : move(state, &task, vm, err);
}

int attach_move(struct state *state, struct vm *vm, struct error *err)
{
	cleanup_task task = { 0 };
	struct error ignored;
	int ret;

	vm->phase = VM_IDLE;
	ret = task_begin(&task, state, vm, err);
	if (ret == -EACCES)
		publish_withdraw(state, &task.host, vm, &ignored);
	if (ret == 0 && vm->record.published_on != vm->uplink.ifindex)
		publish_withdraw(state, &task.host, vm, &ignored);
	if (ret == 0 && (vm->arp_failures || !vm_same_station(vm, &vm->arp)))
		ret = open_arp(state, &task.host, vm, err);
	vm->arp_failures = 0;
	return ret < 0 ? ret : move(state, &task, vm, err);
}

void attach_withdraw(struct state *state, struct vm *vm)
{
	cleanup_task task = { 0 };
	struct error ignored;

	vm->phase = VM_IDLE;
	/* The uplink may be gone; the next one of its name and index may look like it. */
	vm->arp_failures++;
	if (task_host(&task, state, vm, &ignored) == 0) {
		publish_withdraw(state, &task.host, vm, &ignored);
		publish_restore(state, &task.host, &ignored);
	}
}

/*
 * Threat: a client that follows no change keeps its address in the next network, where it is
 * another's, as the router's. An honest client moves within milliseconds.
 * Test: test_unmoved in tests/unit/netsetup/service/test_attach.c.
 */
void attach_check(struct state *state)
{
	cleanup_interfaces struct interfaces table = { 0 };
	struct error ignored;

	if (network_dump(&table, &ignored) < 0)
		return;
	for (struct vm *vm = state->vms; vm; vm = vm->next) {
		const struct interface *uplink = interface_by_index(&table,
								    vm->record.published_on);

		if (uplink && vm->phase == VM_IDLE &&
		    uplink->carrier_changes != vm->record.proof.carrier_changes)
			attach_withdraw(state, vm);
	}
}

/*
 * Opens the ARP socket anew, once, and begins the request again: the kernel does not revive the
 * socket of an interface that went away and came back, even under the same index.
 */
static int repeat(struct state *state, struct task *task, struct vm *vm, int error,
		  struct error *err)
{
	int ret;

	if (++vm->arp_failures > 1)
		return error_set_errno(err, error, "cannot send ARP on '%s'", vm->uplink.ifname);
	ret = open_arp(state, &task->host, vm, err);
	return ret < 0 ? ret : move(state, task, vm, err);
}

int attach_answered(struct state *state, struct vm *vm, const struct worker_message *message,
		    struct error *err)
{
	const struct proof *proof = &vm->record.proof;
	const bool same = proof->prefix.length &&
			  !memcmp(&message->mac, &proof->router_mac, sizeof(message->mac));
	const enum vm_phase phase = vm->phase;
	cleanup_task task = { 0 };
	int ret;

	vm->phase = VM_IDLE;
	ret = task_begin(&task, state, vm, err);
	if (ret < 0)
		return ret;
	if (message->error)
		return repeat(state, &task, vm, message->error, err);
	if (phase == VM_ASKING) {
		vm->router_mac = message->mac;
		return settle(state, &task, vm, vm->found, err);
	}
	if (phase == VM_FINDING && same)
		return settle(state, &task, vm, vm->record.address, err);
	if (phase == VM_FINDING) {
		vm->router_mac = message->mac;
		return start_search(state, &task, vm, true, err);
	}
	/* Security: the addresses are the service's own, only the results are the worker's. */
	for (size_t i = 0; i < vm->search.batch_size && i < message->count; i++) {
		vm->search.batch[i].taken = message->probes[i].taken;
		vm->search.batch[i].mac = message->probes[i].mac;
	}
	return continue_search(state, &task, vm, err);
}

/*
 * Undoes what the routed path of a new VM has, and goes on with the bridged one. The worker does
 * not rest: the question to the access point goes on, and WORKER_OPEN ends its other jobs.
 */
static int bridge(struct state *state, struct task *task, struct vm *vm, struct error *err)
{
	const struct vm_station arp = vm->arp;
	int ret;

	vm->arp.ifindex = 0;
	ret = publish_withdraw(state, &task->host, vm, err);
	vm->arp = arp;
	if (ret == 0)
		ret = ask_undo(&task->host, vm, err);
	if (ret < 0)
		return ret;
	vm->record.path = task->request.path = PATH_BRIDGED;
	vm->tabled = false;
	ret = open_arp(state, &task->host, vm, err);
	return ret < 0 ? ret : settle(state, task, vm, vm->record.address, err);
}

int attach_asked(struct state *state, struct vm *vm, struct error *err)
{
	cleanup_task task = { 0 };
	struct error ignored;
	int ret;

	if (!ask_bridges(vm))
		return ATTACH_DONE;
	ret = task_begin(&task, state, vm, err);
	if (ret < 0)
		return ret;
	task.request.path = PATH_BRIDGED;
	/* Root may forbid this path: the client then reports what drops the packets. */
	if (task_authorize(&task, vm->record.address, &ignored) < 0)
		return ATTACH_DONE;
	return bridge(state, &task, vm, err);
}

static int restore_dhcp(struct state *state, struct vm *vm, struct error *err)
{
	cleanup_task task = { 0 };
	const int ret = task_host(&task, state, vm, err);

	return ret < 0 ? ret : publish_dhcp(state, &task.host, vm, err);
}

static int forget_tap(struct state *state, struct vm *vm, struct error *err)
{
	cleanup_task task = { 0 };
	int ret;

	ret = task_host(&task, state, vm, err);
	if (ret == 0)
		ret = tables_take(state, &task.host, vm, err);
	tables_release(state);
	vm->record.tap_ifindex = 0;
	vm->record.answered = 0;
	return ret;
}

int attach_restore(struct state *state, struct vm *vm, bool off, struct error *err)
{
	const uint32_t carrier_changes = vm->record.proof.carrier_changes;
	cleanup_task task = { 0 };
	int ret;

	/* A tap that the client was not sent has gone with the descriptors of the dead service. */
	if (if_nametoindex(vm->record.tap) != vm->record.tap_ifindex &&
	    forget_tap(state, vm, err) < 0)
		return -err->code;
	if (vm->record.tap_ifindex && vm->record.attach.dhcp && restore_dhcp(state, vm, err) < 0)
		return -err->code;
	ret = off && vm->record.tap_ifindex ? ATTACH_DONE : task_begin(&task, state, vm, err);
	if (ret == 0)
		ret = open_arp(state, &task.host, vm, err);
	if (ret == ATTACH_DONE)
		return ret;
	if (ret < 0 || !vm->record.tap_ifindex || !address_fits(vm) || !same_network(vm))
		return ret < 0 ? ret : move(state, &task, vm, err);
	/*
	 * A restart interrupts nothing. If the carrier was lost since the proof, the client's next
	 * move finds it out.
	 */
	ret = settle(state, &task, vm, vm->record.address, err);
	vm->record.proof.carrier_changes = carrier_changes;
	return ret;
}

int attach_end(struct state *state, struct vm *vm, struct error *err)
{
	cleanup_task task = { 0 };
	int ret;

	state_remove(state, vm);
	ret = task_host(&task, state, vm, err);
	if (ret == 0)
		ret = publish_undo(state, &task.host, vm, err);
	if (!vm->record.attach.dry_run && state_save(state, err) < 0 && ret == 0)
		ret = -err->code;
	return ret;
}
