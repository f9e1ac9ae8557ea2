// SPDX-License-Identifier: GPL-2.0-or-later
// What a running VM tells of itself, as JSON; vmrun(1) documents each member.
#ifndef LAUNCHER_RUN_STATUS_H
#define LAUNCHER_RUN_STATUS_H

#include <json-c/json.h>
#include <time.h>

#include "launcher/definition/machine_plan.h"
#include "launcher/lan/lan.h"
#include "launcher/run/pause.h"
#include "launcher/run/vm.h"

/**
 * vmstatus() - describe a running VM.
 * @plan: the VM.
 * @member: its membership; its place is told when it has one.
 * @vm: for its state and QEMU's pid.
 * @pause: whether it stands still.
 * @started: CLOCK_BOOTTIME seconds of its start.
 *
 * Return: an object, owned by the caller.
 */
struct json_object *vmstatus(const struct machine_plan *plan, const struct member *member,
			     const struct vm *vm, const struct pause *pause, time_t started);

#endif
