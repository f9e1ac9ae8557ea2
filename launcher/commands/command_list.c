// SPDX-License-Identifier: GPL-2.0-or-later
// Lists the running VMs.
#include "launcher/commands/command_list.h"

#include <json-c/json.h>

#include "launcher/commands/output.h"
#include "launcher/commands/vm_list.h"
#include "launcher/common/log.h"
#include "launcher/common/options.h"

int command_list(const struct options *options, struct launch *launch, struct error *err)
{
	struct json_object *list;

	if (running_list(&list, err) < 0)
		return err->status;
	if (options->json)
		describe_json(list);
	else if (json_object_array_length(list) > 0)
		describe_list(list);
	else
		log_notice("no VM is running");
	json_object_put(list);
	return STATUS_OK;
}
