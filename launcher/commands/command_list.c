// SPDX-License-Identifier: GPL-2.0-or-later
// Lists the running VMs.
#include "launcher/commands/command_list.h"

#include <json-c/json.h>
#include <pwd.h>

#include "launcher/commands/output.h"
#include "launcher/commands/vm_list.h"
#include "launcher/common/log.h"
#include "launcher/common/options.h"
#include "launcher/run/launch.h"
#include "launcher/run/system_vms.h"
#include "netsetup/base/cleanup.h"

/* Adds the system's VMs, with their user, from the process that has queried them. */
static void add_system(int pipe, struct json_object *list)
{
	const struct passwd *user = getpwuid(system_vms_owner());
	struct json_object *system = json_object_from_fd(pipe);

	/* Their user is not trusted: a guest may have taken it over. */
	if (!json_object_is_type(system, json_type_array)) {
		json_object_put(system);
		return;
	}
	for (size_t i = 0; i < json_object_array_length(system); i++) {
		struct json_object *vm = json_object_array_get_idx(system, i);

		if (!json_object_is_type(vm, json_type_object))
			continue;
		json_object_object_add(vm, "owner",
				       json_object_new_string(user ? user->pw_name : "-"));
		json_object_array_add(list, json_object_get(vm));
	}
	json_object_put(system);
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
	struct json_object *list;

	if (vm_list_all(&list, err) < 0)
		return err->status;
	if (launch->system_list >= 0)
		add_system(launch->system_list, list);
	if (options->json)
		output_json(list);
	else if (json_object_array_length(list) > 0)
		output_list(list);
	else
		log_notice("no VM is running");
	if (launch->system_list < 0 && !options->json)
		print_system();
	json_object_put(list);
	return STATUS_OK;
}
