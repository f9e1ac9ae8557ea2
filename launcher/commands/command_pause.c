// SPDX-License-Identifier: GPL-2.0-or-later
// Pauses and resumes a VM.
#include "launcher/commands/command_pause.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>
#include <time.h>

#include "launcher/commands/output.h"
#include "launcher/commands/vm_list.h"
#include "launcher/common/options.h"
static bool is_paused(struct json_object *status)
{
	return !strcmp(describe_text(status, "state"), "paused");
}

/*
 * Whether it came about: a pause at once; a guest that goes on may stand still again when its next
 * write fails, too.
 */
static int wait_for_pause(const char *name, bool paused, struct error *err)
{
	const struct timespec step = { .tv_nsec = 50000000 };
	struct json_object *status = NULL;
	int rc = 0;

	for (int i = 0; i < 10 && rc == 0 && !(paused && status && is_paused(status)); i++) {
		nanosleep(&step, NULL);
		json_object_put(status);
		status = NULL;
		rc = running_status(name, &status, err);
	}
	if (rc == 0 && is_paused(status) != paused) {
		rc = paused ? error_say(err, STATUS_FAILURE, EIO, "VM '%s' is %s", name,
					describe_text(status, "state"))
			    : error_say(err, STATUS_FAILURE, EIO, "VM '%s' is paused again: %s",
					name, describe_text(status, "state-reason"));
	}
	json_object_put(status);
	return rc;
}

static int set_paused(const char *name, bool paused, struct error *err)
{
	struct json_object *request = json_object_new_object();
	struct json_object *reply = NULL;
	int rc;

	json_object_object_add(request, "request",
			       json_object_new_string(paused ? "pause" : "resume"));
	rc = vm_list_ask(name, request, NULL, &reply, err);
	if (rc == 0 && json_object_object_get_ex(reply, "error", NULL))
		rc = error_say(err, STATUS_FAILURE, EBUSY, "%s", describe_text(reply, "error"));
	if (rc == 0)
		rc = wait_for_pause(name, paused, err);
	json_object_put(request);
	json_object_put(reply);
	return rc;
}

int command_pause(const struct options *options, struct launch *launch, struct error *err)
{
	if (set_paused(options->files[0], true, err) < 0)
		return (int)err->status;
	return STATUS_OK;
}

int command_pause_resume(const struct options *options, struct launch *launch, struct error *err)
{
	if (set_paused(options->files[0], false, err) < 0)
		return (int)err->status;
	return STATUS_OK;
}
