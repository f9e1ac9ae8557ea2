// SPDX-License-Identifier: GPL-2.0-or-later
// The command doctor: what would keep a VM off this LAN, and the command that mends it.
#ifndef LAUNCHER_DOCTOR_DOCTOR_H
#define LAUNCHER_DOCTOR_DOCTOR_H

#include "launcher/common/options.h"
#include "netsetup/base/error.h"

/* doctor_run() - look at everything and tell it; returns the exit status: 1 when a check fails. */
int doctor_run(const struct options *options, struct error *err);

#endif
