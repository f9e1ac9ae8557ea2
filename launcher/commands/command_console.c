// SPDX-License-Identifier: GPL-2.0-or-later
// Attaches the terminal to the console of a VM.
#include "launcher/commands/command_console.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "launcher/commands/attach.h"
#include "launcher/commands/output.h"
#include "launcher/common/options.h"
#include "launcher/run/vm_list.h"
#include "netsetup/base/cleanup.h"

int command_console(const struct options *options, struct launch *launch, struct error *err)
{
	cleanup_free char *directory = NULL;
	struct json_object *status = NULL;
	int ret;

	ret = vm_list_status(options->vm, &status, err);
	if (ret == 0)
		ret = vm_list_directory(options->vm, &directory, err);
	if (ret == 0 && strcmp(output_text(status, "console"), "socket") != 0) {
		ret = error_setf(err, STATUS_FAILURE, ENOTCONN, "VM '%s' has its console on %s",
				 options->vm, output_text(status, "console"));
		error_remedy(err, "give it 'console: socket', or start it with --detach");
	}
	json_object_put(status);
	if (ret == 0)
		ret = attach_console(directory, options->escape, err);
	return ret < 0 ? (int)err->status : STATUS_OK;
}
