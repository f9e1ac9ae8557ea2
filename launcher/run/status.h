// SPDX-License-Identifier: GPL-2.0-or-later
// Describes a running VM as JSON; vmrun(1) documents each member.
#ifndef LAUNCHER_RUN_STATUS_H
#define LAUNCHER_RUN_STATUS_H

#include <json-c/json.h>
#include <time.h>

#include "launcher/definition/machine_plan.h"
#include "launcher/run/lan_cards.h"
#include "launcher/run/pause.h"
#include "launcher/run/vm.h"

/**
 * status_json() - describe a running VM.
 * @cards: of the VM on the LAN.
 * @vm: for its state and QEMU's pid.
 * @started: CLOCK_BOOTTIME seconds of its start.
 *
 * Return: an object, owned by the caller.
 */
struct json_object *status_json(const struct machine_plan *plan, const struct lan_cards *cards,
				const struct vm *vm, const struct pause *pause, time_t started);

#endif
