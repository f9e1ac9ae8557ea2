// SPDX-License-Identifier: GPL-2.0-or-later
// Attaches the terminal to the console of a VM.
#include "launcher/commands/command_console.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "launcher/commands/attach.h"
#include "launcher/commands/output.h"
#include "launcher/commands/vm_list.h"
#include "launcher/common/options.h"
#include "netsetup/base/cleanup.h"

int command_console(const struct options *options, struct launch *launch, struct error *err)
{
	cleanup_free char *directory = NULL;
	struct json_object *status = NULL;
	int rc;

	rc = running_status(options->files[0], &status, err);
	if (rc == 0)
		rc = running_directory(options->files[0], &directory, err);
	if (rc == 0 && strcmp(describe_text(status, "console"), "socket") != 0) {
		rc = error_say(err, STATUS_FAILURE, ENOTCONN, "VM '%s' has its console on %s",
			       options->files[0], describe_text(status, "console"));
		error_remedy(err, "give it 'console: socket', or start it with --detach");
	}
	json_object_put(status);
	if (rc == 0)
		rc = attach_console(directory, err);
	return rc < 0 ? (int)err->status : STATUS_OK;
}
