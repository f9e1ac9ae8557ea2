// SPDX-License-Identifier: GPL-2.0-or-later
// Lists the running VMs.
#include "launcher/commands/command_list.h"

#include <json-c/json.h>
#include <stdio.h>
#include <unistd.h>

#include "launcher/commands/output.h"
#include "launcher/common/log.h"
#include "launcher/common/options.h"
#include "launcher/run/launch.h"
#include "launcher/run/system_vms.h"
#include "launcher/run/vm_list.h"
#include "netsetup/base/cleanup.h"

/* Adds the system's VMs, one for each line, from the processes that have queried them. */
static void add_system(int pipe, struct json_object *list)
{
	cleanup_file FILE *file = fdopen(pipe, "r");
	cleanup_free char *line = NULL;
	size_t capacity = 0;

	/* Their users are not trusted: a guest may have taken one over. */
	while (file && getline(&line, &capacity, file) > 0) {
		struct json_object *vm = json_tokener_parse(line);

		if (json_object_is_type(vm, json_type_object))
			json_object_array_add(list, vm);
		else
			json_object_put(vm);
	}
}

/* Names the system's VMs to a user who cannot query them. */
static void print_system(void)
{
	cleanup_free char *names = system_vms_names();

	if (names)
		log_notice("VMs of the system: %s; see 'sudo vmrun list'", names);
}

int command_list(const struct options *options, struct launch *launch, struct error *err)
{
	const bool queried = launch->system_list >= 0;
	struct json_object *list;

	if (vm_list_all(&list, err) < 0)
		return err->status;
	if (queried)
		add_system(take_fd(&launch->system_list), list);
	if (options->json)
		output_json(list);
	else if (json_object_array_length(list) > 0)
		output_list(list);
	else
		log_notice("no VM is running");
	if (!queried && !options->json)
		print_system();
	json_object_put(list);
	return STATUS_OK;
}
