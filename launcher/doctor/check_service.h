// SPDX-License-Identifier: GPL-2.0-or-later
// Checks vmrun-netsetup, its device and its policy.
#ifndef LAUNCHER_DOCTOR_CHECK_SERVICE_H
#define LAUNCHER_DOCTOR_CHECK_SERVICE_H

#include "launcher/doctor/check.h"

check_fn check_service_tun, check_service_rights, check_service_policy, check_service_leftovers;

#endif
