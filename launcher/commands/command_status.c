// SPDX-License-Identifier: GPL-2.0-or-later
// Shows the status of one VM, with the facts that its guest agent reports.
#include "launcher/commands/command_status.h"

#include <json-c/json.h>

#include "launcher/commands/output.h"
#include "launcher/commands/vm_list.h"
#include "launcher/common/log.h"
#include "launcher/common/options.h"
#include "launcher/guest/guest_agent.h"
#include "netsetup/base/cleanup.h"

/* What the guest says of itself is not known when it does not say it soon. */
static void ask_agent(const char *name, struct json_object *status)
{
	cleanup_fd int fd = vm_list_connect_agent(name, status);
	struct json_object *facts = NULL;
	struct error why;

	if (fd >= 0 && agent_facts(fd, AGENT_MS, &facts, &why) < 0)
		log_notice("%s: %s", name, why.message);
	json_object_object_add(status, "agent", facts);
}

int command_status(const struct options *options, struct launch *launch, struct error *err)
{
	struct json_object *status;

	if (running_status(options->files[0], &status, err) < 0)
		return err->status;
	if (json_object_object_get_ex(status, "agent-connected", NULL))
		ask_agent(options->files[0], status);
	if (options->json)
		describe_json(status);
	else
		describe_status(status);
	json_object_put(status);
	return STATUS_OK;
}
