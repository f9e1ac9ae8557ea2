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
#include "launcher/disks/disks.h"
#include "launcher/run/control.h"
#include "launcher/run/detach.h"
#include "launcher/run/lan_cards.h"
#include "launcher/run/pause.h"
#include "launcher/run/qemu_fds.h"
#include "launcher/run/runtime_dir.h"
#include "launcher/run/sd_notify.h"
#include "launcher/run/state_dir.h"
#include "launcher/run/vm.h"

/**
 * struct run - the state of one run.
 * @options: the command line.
 * @definition: the VM as loaded.
 * @runtime_dir: its files while it runs.
 * @state_dir: its files that last between runs.
 * @firmware: its UEFI firmware's files.
 * @backends: the programs beside QEMU.
 * @plan: the values that this run has resolved.
 * @argv: QEMU's command line.
 * @detach: the connection to the parent, for which the user waits.
 * @terminal: true if a user reads the messages at a terminal.
 * @sd_notify: the socket of the service manager, for a run that is a service.
 * @control: serves requests of the user's other commands.
 * @vm: NULL unless supervise_run() runs.
 * @agent_connected: true if a program of the guest has the agent's channel open.
 * @started: CLOCK_BOOTTIME seconds of its start.
 */
struct run {
	const struct options *options;
	struct lan_cards lan_cards;
	struct definition definition;
	struct runtime_dir runtime_dir;
	struct state_dir state_dir;
	struct disks disks;
	struct firmware firmware;
	struct backends backends;
	struct machine_plan plan;
	struct argv argv;
	struct qemu_fds qemu_fds;
	struct detach detach;
	bool terminal;
	struct sd_notify sd_notify;
	struct control *control;
	struct pause pause;
	struct vm *vm;
	bool agent_connected;
	time_t started;
};

#endif
