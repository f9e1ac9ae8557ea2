// SPDX-License-Identifier: GPL-2.0-or-later
// Holds everything that one run has taken.
#ifndef LAUNCHER_RUN_RUN_STATE_H
#define LAUNCHER_RUN_RUN_STATE_H

#include <stdbool.h>
#include <time.h>

#include "launcher/common/argv.h"
#include "launcher/common/loop.h"
#include "launcher/common/options.h"
#include "launcher/definition/machine_plan.h"
#include "launcher/devices/backend.h"
#include "launcher/devices/uefi_vars.h"
#include "launcher/disks/disk.h"
#include "launcher/lan/lan.h"
#include "launcher/run/control.h"
#include "launcher/run/detach.h"
#include "launcher/run/pause.h"
#include "launcher/run/qemu_fds.h"
#include "launcher/run/runtime_dir.h"
#include "launcher/run/sd_notify.h"
#include "launcher/run/state_dir.h"
#include "launcher/run/vm.h"

/**
 * struct run - a run.
 * @options: what the user asked for.
 * @member: its membership of the LAN.
 * @definition: the VM, as it was loaded.
 * @instance: its files while it runs.
 * @keep: what it keeps between its runs.
 * @disks: its disks' files.
 * @firmware: its UEFI firmware's files.
 * @companions: the programs beside QEMU.
 * @plan: what the run has resolved of it.
 * @argv: the command.
 * @channels: to QEMU.
 * @detach: the way to the process that the user waits for.
 * @notify: the way to the service manager whose service the run is.
 * @control: answers the user's other commands.
 * @pause: whether the VM stands still.
 * @vm: while it runs.
 * @agent_connected: a program of the guest has the agent's channel open.
 * @started: CLOCK_BOOTTIME seconds of its start.
 */
struct run {
	const struct options *options;
	struct member member;
	struct definition definition;
	struct instance instance;
	struct keep keep;
	struct disks disks;
	struct firmware firmware;
	struct companions companions;
	struct machine_plan plan;
	struct argv argv;
	struct channels channels;
	struct detach detach;
	struct notify notify;
	struct control *control;
	struct pause pause;
	struct vm *vm;
	bool agent_connected;
	time_t started;
};

#endif
