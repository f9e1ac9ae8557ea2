// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the VM that an operand NAME or FILE names.
#include "launcher/commands/operand.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launcher/commands/output.h"
#include "launcher/common/templates.h"
#include "launcher/definition/definition.h"
#include "launcher/lock/locked_load.h"
#include "launcher/run/system_vms.h"
#include "launcher/run/vm_list.h"
#include "netsetup/base/cleanup.h"

static int offer_running(const char *command, struct error *err)
{
	struct json_object *list = NULL;
	struct error ignored;
	size_t count = 0;

	error_setf(err, STATUS_USAGE, EINVAL, "'vmrun %s' needs a VM's name", command);
	if (vm_list_all(&list, &ignored) == 0)
		count = json_object_array_length(list);
	for (size_t i = 0; i < count; i++)
		error_remedy(err, "vmrun %s %s", command,
			     output_text(json_object_array_get_idx(list, i), "name"));
	if (count == 0)
		error_remedy(err, "no VM is running");
	json_object_put(list);
	return -EINVAL;
}

/* Fails for what is neither a VM's name nor a file. */
static int find_nothing(const char *operand, struct error *err)
{
	cleanup_free char *suggestion = templates_suggest(operand);

	error_setf(err, STATUS_USAGE, EINVAL, "no VM or file '%s'", operand);
	if (suggestion)
		error_remedy(err, "%.*s", (int)strcspn(suggestion, "\n"), suggestion);
	else
		error_remedy(err, "a VM's name has a-z, 0-9 and '-', at most 63 of them");
	return -EINVAL;
}

/* Refuses the name of a running VM where a definition is needed. A file of that name is one. */
static int refuse_name(const struct options *options, struct error *err)
{
	const char *name = options->file_count ? options->files[0] : "";
	struct json_object *status = NULL;
	struct error ignored;

	if (!vm_name_valid(name) || access(name, F_OK) == 0 ||
	    vm_list_status(name, &status, &ignored) < 0)
		return 0;
	error_setf(err, STATUS_DEFINITION, ENOENT,
		   "cannot read '%s': no such file; a VM of this name is running", name);
	if (options->command->options & OPTION_DETACH) {
		error_remedy(err, "vmrun ssh %s", name);
		error_remedy(err, "vmrun console %s", name);
		error_remedy(err, "vmrun status %s", name);
	} else {
		error_remedy(err, "it was started from '%s'", output_text(status, "definition"));
	}
	json_object_put(status);
	return -ENOENT;
}

int operand_find_vm(struct options *options, struct error *err)
{
	const struct options plain = { 0 };
	struct definition definition;
	int ret;

	if (strncmp(options->command->operands, "FILE", 4) == 0)
		return refuse_name(options, err);
	if (strncmp(options->command->operands, "NAME", 4) != 0)
		return 0;
	if (options->file_count == 0)
		return offer_running(options->command->name, err);
	if (vm_name_valid(options->files[0])) {
		snprintf(options->vm, sizeof(options->vm), "%s", options->files[0]);
		return 0;
	}
	if (access(options->files[0], F_OK) < 0)
		return find_nothing(options->files[0], err);
	ret = locked_load(&plain, options->files[0], &definition, err);
	if (ret < 0)
		return ret;
	snprintf(options->vm, sizeof(options->vm), "%s", definition.name);
	definition_done(&definition);
	return 0;
}

void operand_add_remedy(const struct options *options, struct error *err)
{
	cleanup_free char *system = NULL;

	if (err->code != ESRCH || !options->command->prepare || geteuid() == 0)
		return;
	system = system_vms_directory(options->vm);
	if (!system)
		return;
	err->remedy[0] = '\0';
	error_remedy(err, "the system has a VM of this name: sudo vmrun %s %s",
		     options->command->name, options->vm);
}
