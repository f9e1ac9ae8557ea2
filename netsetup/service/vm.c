// SPDX-License-Identifier: GPL-2.0-or-later
// Describes one VM of the service, and what the state file has of it.
#include "netsetup/service/vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netsetup/base/stall.h"

struct vm_station vm_station(const struct vm *vm)
{
	return (struct vm_station){ vm->uplink.ifindex, vm->uplink.mac,
				    vm->uplink.carrier_changes };
}

bool vm_same_station(const struct vm *vm, const struct vm_station *station)
{
	return station->ifindex == vm->uplink.ifindex &&
	       station->carrier_changes == vm->uplink.carrier_changes &&
	       !memcmp(&station->mac, &vm->uplink.mac, sizeof(station->mac));
}

struct vm *vm_new(void)
{
	struct vm *vm = calloc(1, sizeof(*vm));

	if (!vm)
		return NULL;
	vm->client = -1;
	vm->dhcp = -1;
	memset(vm->tap_fds, -1, sizeof(vm->tap_fds));
	return vm;
}

void vm_free(struct vm *vm)
{
	if (!vm)
		return;
	for (size_t i = 0; i < QUEUES_MAX; i++)
		if (vm->tap_fds[i] >= 0)
			close(vm->tap_fds[i]);
	if (vm->dhcp >= 0)
		close(vm->dhcp);
	if (vm->client >= 0)
		stall_close(vm->client);
	if (vm->ask.asker > 0)
		stall_close(vm->ask.asker);
	free(vm);
}

bool vm_dead(const struct vm *vm)
{
	unsigned int ifindex;

	if (vm->client >= 0 || !vm->record.tap_ifindex)
		return vm->client < 0;
	ifindex = if_nametoindex(vm->record.tap);
	return ifindex ? ifindex != vm->record.tap_ifindex : errno == ENODEV;
}

struct interface_id vm_tap(const struct vm *vm)
{
	return (struct interface_id){ vm->record.tap, vm->record.tap_ifindex };
}
