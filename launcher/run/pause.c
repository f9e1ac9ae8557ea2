// SPDX-License-Identifier: GPL-2.0-or-later
// Pauses and resumes a VM, and keeps the reason of a pause.
#include "launcher/run/pause.h"

#include <errno.h>
#include <string.h>

#include "launcher/common/json.h"

/* QEMU sends the event of a disk's error before it pauses the VM. */
static const char *disk_reason(struct json_object *data)
{
	struct json_object *value;

	if (strcmp(json_text(data, "action"), "stop") != 0)
		return NULL;
	if (json_object_object_get_ex(data, "nospace", &value) && json_object_get_boolean(value))
		return "no space left on device";
	return "a disk cannot be read or written";
}

bool pause_event(struct pause *pause, const char *name, struct json_object *data)
{
	if (!strcmp(name, "BLOCK_IO_ERROR")) {
		const char *reason = disk_reason(data);

		if (reason)
			pause->next = reason;
		return false;
	}
	if (!strcmp(name, "STOP"))
		*pause = (struct pause){ .paused = true, .reason = pause->next };
	else if (!strcmp(name, "RESUME") && pause->paused)
		*pause = (struct pause){ 0 };
	else
		return false;
	return true;
}

int pause_ask(struct pause *pause, struct vm *vm, bool paused, struct error *err)
{
	if (!vm->qmp || vm->state != VM_RUNNING)
		return error_setf(err, STATUS_FAILURE, EBUSY, "VM '%s' is %s", vm->name,
				  vm_state_name(vm->state));
	if (paused && !pause->paused)
		pause->next = "by 'vmrun pause'";
	return qmp_send(vm->qmp, paused ? "stop" : "cont", NULL, err);
}

void pause_end(const struct pause *pause, struct vm *vm)
{
	struct error ignored;

	if (pause->paused && vm->qmp)
		qmp_send(vm->qmp, "cont", NULL, &ignored);
}
