// SPDX-License-Identifier: GPL-2.0-or-later
// Has the worker find out if the access point passes the address of a VM.
#include "netsetup/service/access.h"

#include <string.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/host/host.h"

/* Numbers of questions, of all VMs. */
static uint32_t last_job;

void access_begin(struct state *state, struct host *host, struct vm *vm)
{
	static const struct ether_addr unknown;
	struct worker_message message = { .type = WORKER_ACCESS,
					  .vm = vm->record.id,
					  .mac = vm->uplink.mac,
					  .address = vm->record.address,
					  .host = vm->uplink.prefix.address,
					  .router = { vm->uplink.router, vm->router_mac } };
	const bool unasked = vm->unasked;
	struct error ignored;
	cleanup_fd int socket = -1;

	vm->unasked = false;
	if (!unasked || host->dry_run || ipv4_unset(vm->uplink.router) ||
	    !memcmp(&vm->router_mac, &unknown, sizeof(unknown)))
		return;
	socket = host_frame_socket(host, uplink_check_id(&vm->uplink), &ignored);
	if (socket < 0)
		return;
	message.job = ++last_job;
	if (worker_link_send(&state->worker, &message, &socket, 1, &ignored) == 0)
		vm->access_job = message.job;
}

int access_defend(const struct state *state, const struct vm *vm, bool announce, struct error *err)
{
	const struct worker_message message = { .type = WORKER_DEFEND,
						.vm = vm->record.id,
						.address = vm->record.address,
						.repeat = vm->record.access == ACCESS_HIDDEN,
						.announce = announce };

	return worker_link_send(&state->worker, &message, NULL, 0, err);
}

/*
 * Threat: a worker that was taken over says what it wants. Check: its value is one of the enum; it
 * decides on no more than a message to the user, and an announcement each minute. Test:
 * test_hostile_worker in tests/lab/security/test_attacks.py.
 */
bool access_answered(struct state *state, struct vm *vm, const struct worker_message *message)
{
	struct error ignored;

	if (!vm->access_job || message->job != vm->access_job)
		return false;
	vm->access_job = 0;
	if (message->kind == vm->record.access)
		return false;
	vm->record.access = message->kind;
	state_save(state, &ignored);
	if (vm->record.access == ACCESS_HIDDEN)
		access_defend(state, vm, false, &ignored);
	return true;
}
