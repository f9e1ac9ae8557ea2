// SPDX-License-Identifier: GPL-2.0-or-later
// Checks the network helper, its device and its policy.
#ifndef LAUNCHER_DOCTOR_CHECK_HELPER_H
#define LAUNCHER_DOCTOR_CHECK_HELPER_H

#include "launcher/doctor/check.h"

check_fn check_helper_tun, check_helper_rights, check_helper_policy, check_helper_leftovers;

#endif
