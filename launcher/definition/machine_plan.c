// SPDX-License-Identifier: GPL-2.0-or-later
// Holds what a run resolves of a definition, which stays const.
#include "launcher/definition/machine_plan.h"

#include <stdlib.h>
#include <string.h>

#include "launcher/definition/machine.h"

void machine_plan_init(struct machine_plan *plan, const struct definition *definition)
{
	const struct network *network;

	*plan = (struct machine_plan){
		.definition = definition,
		.accel = definition->machine.accel,
		.vsock = definition->vsock.mode != VSOCK_NONE,
		.console = definition->console,
	};
	for (unsigned int i = 0; (network = definition_lan(definition, i, NULL)); i++) {
		plan->cards[i].dns_count = network->dns_count;
		memcpy(plan->cards[i].dns, network->dns, sizeof(network->dns));
		plan->cards[i].queues = machine_queues(definition, network, false);
	}
}

const char *machine_plan_image(const struct machine_plan *plan, unsigned int index)
{
	return plan->images[index] ? plan->images[index] : plan->definition->disks[index].image;
}

void machine_plan_done(struct machine_plan *plan)
{
	for (unsigned int i = 0; i < DISKS_MAX; i++)
		free(plan->images[i]);
	free(plan->login.user);
	for (unsigned int i = 0; i < plan->login.ssh_key_count; i++)
		free(plan->login.ssh_keys[i]);
	free(plan->login.identity);
	*plan = (struct machine_plan){ 0 };
}
