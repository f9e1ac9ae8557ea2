// SPDX-License-Identifier: GPL-2.0-or-later
// Checks the network helper, its device and its policy.
#ifndef LAUNCHER_DOCTOR_CHECK_HELPER_H
#define LAUNCHER_DOCTOR_CHECK_HELPER_H

#include "launcher/doctor/check.h"

/* The checks change nothing and send nothing. */
checkup_fn checkup_tun, checkup_helper, checkup_policy, checkup_leftovers;

#endif
