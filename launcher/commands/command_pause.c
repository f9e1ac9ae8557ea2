// SPDX-License-Identifier: GPL-2.0-or-later
// Pauses and resumes a VM.
#include "launcher/commands/command_pause.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>
#include <time.h>

#include "launcher/commands/output.h"
#include "launcher/common/options.h"
#include "launcher/run/vm_list.h"

static bool is_paused(struct json_object *status)
{
	return !strcmp(output_text(status, "state"), "paused");
}

/*
 * Waits up to 0.5 s for a pause. After a resume, waits 0.5 s and checks that the guest still runs:
 * QEMU pauses it again if its next write to a full disk fails.
 */
static int check_paused(const char *name, bool paused, struct error *err)
{
	const struct timespec interval = { .tv_nsec = 50000000 };
	struct json_object *status = NULL;
	int ret = 0;

	for (int i = 0; i < 10 && ret == 0 && !(paused && status && is_paused(status)); i++) {
		nanosleep(&interval, NULL);
		json_object_put(status);
		status = NULL;
		ret = vm_list_status(name, &status, err);
	}
	if (ret == 0 && is_paused(status) != paused) {
		ret = paused ? error_setf(err, STATUS_FAILURE, EIO, "VM '%s' is %s", name,
					  output_text(status, "state"))
			     : error_setf(err, STATUS_FAILURE, EIO, "VM '%s' is paused again: %s",
					  name, output_text(status, "state-reason"));
	}
	json_object_put(status);
	return ret;
}

static int set_paused(const char *name, bool paused, struct error *err)
{
	struct json_object *request = json_object_new_object();
	struct json_object *reply = NULL;
	int ret;

	json_object_object_add(request, "request",
			       json_object_new_string(paused ? "pause" : "resume"));
	ret = vm_list_ask(name, request, NULL, &reply, err);
	if (ret == 0 && json_object_object_get_ex(reply, "error", NULL))
		ret = error_setf(err, STATUS_FAILURE, EBUSY, "%s", output_text(reply, "error"));
	if (ret == 0)
		ret = check_paused(name, paused, err);
	json_object_put(request);
	json_object_put(reply);
	return ret;
}

int command_pause(const struct options *options, struct launch *launch, struct error *err)
{
	if (set_paused(options->vm, true, err) < 0)
		return (int)err->status;
	return STATUS_OK;
}

int command_pause_resume(const struct options *options, struct launch *launch, struct error *err)
{
	if (set_paused(options->vm, false, err) < 0)
		return (int)err->status;
	return STATUS_OK;
}
