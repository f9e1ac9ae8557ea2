// SPDX-License-Identifier: GPL-2.0-or-later
// A VM that stands still: since the user wants it, or since a disk cannot be written.
#ifndef LAUNCHER_RUN_PAUSE_H
#define LAUNCHER_RUN_PAUSE_H

#include <json-c/json.h>
#include <stdbool.h>

#include "launcher/run/vm.h"
#include "netsetup/base/error.h"

/**
 * struct pause - whether a VM stands still.
 * @paused: it does.
 * @reason: why, or NULL when that is not known, such as by QEMU's own window.
 * @next: what QEMU is expected to pause it for, or NULL.
 */
struct pause {
	bool paused;
	const char *reason;
	const char *next;
};

/**
 * pause_event() - act on an event of QEMU's.
 * @pause: of the VM; zeros at first.
 * @name, @data: as struct vm_ops has them.
 *
 * Return: whether anything has changed.
 */
bool pause_event(struct pause *pause, const char *name, struct json_object *data);

/**
 * pause_ask() - have it stand still, or go on; pause_event() will hear of it.
 * @pause: of the VM.
 * @vm: within supervise_run().
 * @paused: which.
 * @err: the VM is starting or ending.
 *
 * Return: 0 or a negative errno.
 */
int pause_ask(struct pause *pause, struct vm *vm, bool paused, struct error *err);

/* pause_end() - the guest is to power off, for which it has to run. */
void pause_end(const struct pause *pause, struct vm *vm);

#endif
