// SPDX-License-Identifier: GPL-2.0-or-later
// Gives a VM that runs its tap again, after the service lost its connection.
#include "netsetup/service/resume.h"

#include <errno.h>
#include <string.h>

#include "netsetup/kernel/network_dump.h"
#include "netsetup/service/publish.h"
#include "netsetup/service/task.h"

/*
 * Threat: a client names the tap of another user's VM, whose frames would then be filtered and
 * routed for this one's address. The tap's name is derived from the client's own user and VM, and
 * only this service makes taps of such names with our alias. But the name has 24 bits of a digest,
 * so a user finds a VM's name that gives the same. Tests: test_resume_of_anothers_tap,
 * test_same_tap_name in tests/lab/security/test_attacks.py.
 */
static int find_tap(const struct state *state, const struct task *task, struct vm *vm,
		    struct error *err)
{
	const struct interface *link = interface_by_index(&task->table,
							  vm->record.attach.tap_ifindex);

	if (!link || !link->ours || strcmp(link->kind, "tun") != 0 ||
	    strncmp(link->ifname, vm->record.tap, IFNAMSIZ) != 0 ||
	    state_has_tap(state, vm, link->ifindex))
		return error_setf(err, STATUS_FAILURE, ENODEV, "tap '%s' is not this VM's",
				  vm->record.tap);
	vm->record.tap_ifindex = link->ifindex;
	return 0;
}

int resume_tap(struct state *state, struct vm *vm, struct error *err)
{
	cleanup_task task = { 0 };
	int ret;

	ret = task_host(&task, state, vm, err);
	if (ret == 0)
		ret = network_dump(&task.table, err);
	if (ret == 0)
		ret = find_tap(state, &task, vm, err);
	if (ret < 0)
		return ret;
	vm->record.answered = 1;
	if (vm->record.attach.dhcp)
		ret = publish_dhcp(state, &task.host, vm, err);
	return ret < 0 ? ret : state_save(state, err);
}
