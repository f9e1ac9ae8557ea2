// SPDX-License-Identifier: GPL-2.0-or-later
// Pauses and resumes a VM, and keeps the reason of a pause.
#ifndef LAUNCHER_RUN_PAUSE_H
#define LAUNCHER_RUN_PAUSE_H

#include <json-c/json.h>
#include <stdbool.h>

#include "launcher/run/vm.h"
#include "netsetup/base/error.h"

/**
 * struct pause - the pause of a VM.
 * @paused: true if the VM is paused.
 * @reason: a static text; NULL if unknown, such as for a pause by QEMU's own window.
 * @next: the reason of the pause that QEMU will report next, or NULL.
 */
struct pause {
	bool paused;
	const char *reason;
	const char *next;
};

/**
 * pause_event() - update the pause by a QMP event.
 * @pause: all zero at first.
 * @name, @data: as in struct vm_ops.
 *
 * Return: true if the VM was paused or resumed.
 */
bool pause_event(struct pause *pause, const char *name, struct json_object *data);

/**
 * pause_ask() - send QEMU a request to pause or resume; its event comes to pause_event().
 * @vm: within supervise_run().
 * @paused: true to pause, false to resume.
 *
 * Return: 0, -EBUSY if the VM is starting or ending, or another negative errno.
 */
int pause_ask(struct pause *pause, struct vm *vm, bool paused, struct error *err);

/* pause_end() - resume a paused VM before its power-off: a guest must run to power off. */
void pause_end(const struct pause *pause, struct vm *vm);

#endif
