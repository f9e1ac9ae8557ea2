// SPDX-License-Identifier: GPL-2.0-or-later
// Prints the status of one VM, with the facts from its guest agent.
#include "launcher/commands/command_status.h"

#include <json-c/json.h>

#include "launcher/commands/output.h"
#include "launcher/common/log.h"
#include "launcher/common/options.h"
#include "launcher/guest/guest_agent.h"
#include "launcher/run/vm_list.h"
#include "netsetup/base/cleanup.h"

/* Adds the facts of the guest agent; null if the agent does not reply within GUEST_AGENT_MS. */
static void add_agent_facts(const char *name, struct json_object *status)
{
	cleanup_fd int fd = vm_list_connect_agent(name, status);
	struct json_object *facts = NULL;
	struct error agent_error;

	if (fd >= 0 && guest_agent_facts(fd, GUEST_AGENT_MS, &facts, &agent_error) < 0)
		log_notice("%s: %s", name, agent_error.message);
	json_object_object_add(status, "agent", facts);
}

int command_status(const struct options *options, struct launch *launch, struct error *err)
{
	struct json_object *status;

	if (vm_list_status(options->vm, &status, err) < 0)
		return err->status;
	if (json_object_object_get_ex(status, "agent-connected", NULL))
		add_agent_facts(options->vm, status);
	if (options->json)
		output_json(status);
	else
		output_status(status);
	json_object_put(status);
	return STATUS_OK;
}
