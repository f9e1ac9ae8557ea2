// SPDX-License-Identifier: GPL-2.0-or-later
// Finds problems that keep a VM off this LAN and their remedies.
#ifndef LAUNCHER_DOCTOR_DOCTOR_H
#define LAUNCHER_DOCTOR_DOCTOR_H

#include "launcher/common/command.h"

/* doctor_run() - do all checks and print the findings; returns STATUS_FAILURE if a check fails. */
command_fn doctor_run;

#endif
